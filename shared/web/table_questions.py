"""What a page's address asks of a list: which columns, order, filters and page."""

from __future__ import annotations

from collections.abc import Mapping

from shared.web.requests import unfit
from shared.web.tables import COMMON, DENSITIES, FLAGS, OF_A_LIST, PARAMETERS, Table, TableQuestion


def question(asked: Mapping[str, str], table: Table | None) -> TableQuestion:
    """What an address asks of this table; None: of a page without one list. Raises a 422 Problem for a parameter or a
    value that this table does not have."""
    known = COMMON if table is None else COMMON | OF_A_LIST | set(table.filters)
    if strange := sorted(name for name, value in asked.items() if value and name in PARAMETERS - known):
        raise unfit(strange[0], f"this list has no {strange[0]}", "unknown")
    if (density := asked.get("density") or DENSITIES[0]) not in DENSITIES:
        raise unfit("density", f"density is one of {', '.join(DENSITIES)}")
    if table is None:
        return TableQuestion(roomy=density == "roomy")
    sort = asked.get("sort", "")
    if sort.removeprefix("-") not in ("", *table.sorts):
        raise unfit("sort", f"sort is one of {', '.join(table.sorts)}, for the other way round with - before it")
    return TableQuestion(
        sort=sort.removeprefix("-") or table.sort,
        down=sort.startswith("-"),
        filters=_filters(asked, table),
        cursor=asked.get("cursor") or None,
        before=asked.get("before") or None,
        columns=_columns(asked.get("columns", ""), table),
        roomy=density == "roomy",
    )


def _filters(asked: Mapping[str, str], table: Table) -> dict[str, str]:
    found = {name: asked[name] for name in table.filters if asked.get(name)}
    for name in FLAGS:
        if found.get(name, "yes") != "yes":
            raise unfit(name, f"{name} is yes, or absent")
    return found


def _columns(text: str, table: Table) -> tuple[str, ...]:
    names, known = tuple(filter(None, text.split(","))), {each.name for each in table.columns}
    if set(names) - known or len(names) != len(set(names)):
        raise unfit("columns", f"columns are some of {', '.join(sorted(known))}, with commas between them")
    return names
