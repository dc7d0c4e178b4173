"""SQL by which tables tell what kind of thing changed (LISTEN and NOTIFY), as the services' migrations made it: frozen.

A trigger of the table looks, once for each statement, at the rows that it changed, and sends one notification at the
transaction's commit: JSON, an array of changes [kind, state, facilities, asked_by, program, patients]. No other value
of a row is in it. `storage/changes.py` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

CHANNEL = "stepdown_changed"
_FUNCTION = """\
CREATE FUNCTION {table}_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named text;
    unnamed text;
BEGIN
    {branches}
    END IF;
    IF named IS NOT NULL THEN
        PERFORM pg_notify('{channel}', CASE WHEN octet_length(named) < 7900 THEN named
            WHEN octet_length(unnamed) < 7900 THEN unnamed ELSE 'all' END);
    END IF;
    RETURN NULL;
END
$$;
"""
_COMMENT = """\
COMMENT ON FUNCTION {table}_changed() IS 'tells open pages which kind of row changed, of whom, and who may see it';
"""
_BRANCH = """\
{word} TG_OP = '{operation}' THEN
        SELECT json_agg(json_build_array(kind, state, facilities, asked_by, program, patients))::text,
            json_agg(json_build_array(kind, state, facilities, asked_by, program, NULL))::text
        INTO named, unnamed FROM (
            SELECT kind, state, facilities, asked_by, program,
                COALESCE(json_agg(DISTINCT patient_id) FILTER (WHERE patient_id IS NOT NULL), '[]') AS patients
            FROM ({rows}) AS told(kind, state, facilities, asked_by, program, patient_id)
            GROUP BY kind, state, facilities, asked_by, program
        ) AS changes;"""
_TRIGGER = """\
CREATE TRIGGER {table}_changed_by_{name} AFTER {operation} ON {table}
    REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {table}_changed();
"""
_ROWS = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}
_SEEN = {"INSERT": ("new_rows",), "UPDATE": ("old_rows", "new_rows"), "DELETE": ("old_rows",)}


def tell(connection: sa.Connection, told: Mapping[str, str], operations: tuple[str, ...] = tuple(_ROWS)) -> None:
    """Let tables tell their changes. `told`: table → the SELECT that makes changes of changed rows, whose columns are
    kind, state, facilities, asked_by, program and patient_id; {rows} stands for the rows."""
    for table, select in told.items():
        branches: list[str] = []
        for each in operations:
            rows = " UNION ".join(select.format(rows=name) for name in _SEEN[each])
            word = "ELSIF" if branches else "IF"
            branches.append(_BRANCH.format(word=word, operation=each, rows=rows))
        text = _FUNCTION.format(table=table, branches="\n    ".join(branches), channel=CHANNEL)
        connection.exec_driver_sql(text)
        connection.exec_driver_sql(_COMMENT.format(table=table))
        for each in operations:
            trigger = _TRIGGER.format(table=table, name=each.lower(), operation=each, rows=_ROWS[each])
            connection.exec_driver_sql(trigger)


def tell_no_more(connection: sa.Connection, tables: Mapping[str, str]) -> None:
    """Take the triggers and functions of these tables away."""
    for table in tables:
        connection.exec_driver_sql(f"DROP FUNCTION {table}_changed() CASCADE")
