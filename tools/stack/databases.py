"""Makes a database for each service, with a role that owns its schema and an application role that reads and writes
rows.

Safe to run again, also on a server that was there before: what is missing is made, and passwords are set to those of
the data directory. Tables are made by migrations.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from shared.errors import SetUpError
from tools.stack import SERVICES
from tools.stack.folder import Folder, new_password

ROLES = tuple(f"{service}_{kind}" for service in SERVICES for kind in ("owner", "app"))
APPEND_ONLY = ("audit", "refusals")
"""Tables of every service that its application role may only add rows to, and read."""
LEDGERS = {"placement": ("disclosures", "packets_out", "not_told_again", "exits"), "aftercare": ("exits",)}
"""Service → more tables of that kind."""
ITERATIONS = 4096  # SCRAM-SHA-256, RFC 7677 section 4; the passwords are random


Passwords = Mapping[str, str]
"""Role (`intake_owner`, `intake_app`, …) → its password."""


async def make(admin_url: str, folder: Folder) -> None:
    """Make databases, roles and rights of all services, and write their URLs to `secrets/<service>.url` (application
    role) and `secrets/<service>.owner-url` of the data directory, readable by their owner only.

    Raises SetUpError where the server does not answer, refuses the administrator, or is older than PostgreSQL 16.
    """
    await make_with(admin_url, {role: _password(folder, role) for role in ROLES})
    for service in SERVICES:
        for role, name in ((f"{service}_app", f"{service}.url"), (f"{service}_owner", f"{service}.owner-url")):
            folder.secret(name, _as_role(on_database(admin_url, service), role, _password(folder, role)))


async def make_with(admin_url: str, passwords: Passwords) -> None:
    """The same with given passwords, and without writing a file. Raises SetUpError as `make` does."""
    made = await asyncio.gather(*(_made(admin_url, one, passwords) for one in SERVICES), return_exceptions=True)
    for failed in filter(None, made):
        raise failed


def passwords_in(urls: Iterable[str]) -> Passwords:
    """The passwords in URLs of the services' databases. Raises SetUpError for a URL of another role or database, or
    without a password."""
    found: dict[str, str] = {}
    for url in urls:
        parts = urlsplit(url)
        role, database = unquote(parts.username or ""), parts.path.strip("/")
        if role not in ROLES or database != role.rpartition("_")[0] or not parts.password:
            raise SetUpError(
                "a database URL must be postgresql://<service>_app:<password>@host:port/<service>, and with "
                "<service>_owner for the owner's: `db migrate` makes those roles and databases"
            )
        found[role] = unquote(parts.password)
    return found


def owner_urls(data: Path) -> dict[str, str]:
    """Service → URL of its owner role, from the secrets of a data directory. Raises SetUpError where one is missing."""
    try:
        return {name: (data / "secrets" / f"{name}.owner-url").read_text(encoding="utf-8") for name in SERVICES}
    except OSError as error:
        raise SetUpError(f"the owner roles' secrets in {data} can't be read ({error.strerror})") from None


async def connect(url: str, what: str) -> asyncpg.Connection:
    """A connection; `what` names the database in an error. Raises SetUpError, without the password, where the server
    does not answer within 10 s or refuses the user."""
    place = urlsplit(url)
    where = f"{what} at {place.hostname}:{place.port or 5432}"
    try:
        return await asyncpg.connect(url, timeout=10)
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError):
        raise SetUpError(f"{where} refuses the user or the password of the URL") from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise SetUpError(f"{where} can't be reached ({type(error).__name__}): is it running?") from None


async def look(url: str, service: str, skew: float, now: Callable[[], datetime]) -> str:
    """A sentence about a service's database: its PostgreSQL version, and by how much its clock differs from `now`.
    Raises SetUpError where it cannot be reached, or the clocks differ by more than `skew` seconds."""
    inside = await connect(url, f"the database of {service}")
    try:
        before = now()
        theirs: datetime = await inside.fetchval("SELECT clock_timestamp()")
        apart = abs((theirs - (before + (now() - before) / 2)).total_seconds())
        version = inside.get_server_version().major
    finally:
        await inside.close()
    if apart > skew:
        raise SetUpError(f"its clock and this machine's are {apart:.1f} s apart: let both follow a time server (NTP)")
    return f"PostgreSQL {version}, clocks {apart * 1000:.0f} ms apart"


async def append_only(owner_url: str, service: str) -> None:
    """Take from the application role the right to change and delete rows of audit and ledger tables; it keeps the
    rights to read them and add rows."""
    kept = (*APPEND_ONLY, *LEDGERS.get(service, ()))
    inside = await connect(owner_url, f"the database {service}")
    try:
        if await inside.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", f"{service}_app"):
            await inside.execute(f"REVOKE UPDATE, DELETE ON {', '.join(kept)} FROM {service}_app")
    finally:
        await inside.close()


def on_database(url: str, name: str) -> str:
    """The URL with another database's name."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{name}", parts.query, ""))


def _as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{quote(role)}:{quote(password, safe='')}@{place}", parts.path, parts.query, ""))


def _password(folder: Folder, role: str) -> str:
    return folder.kept_secret(f"{role}.password", new_password()).read_text(encoding="utf-8")


async def _made(admin_url: str, service: str, passwords: Passwords) -> None:
    admin = await connect(admin_url, "the database server")
    try:
        if admin.get_server_version() < (16,):
            raise SetUpError("the database server is older than PostgreSQL 16: use a newer one")
        await _roles_and_database(admin, service, passwords)
    except asyncpg.InsufficientPrivilegeError:
        raise SetUpError(
            "the given database user may not make databases and roles: give an administrator's URL"
        ) from None
    finally:
        await admin.close()
    await _rights(on_database(admin_url, service), service)


async def _roles_and_database(admin: asyncpg.Connection, service: str, passwords: Passwords) -> None:
    for role in (f"{service}_owner", f"{service}_app"):
        verb = "ALTER" if await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role) else "CREATE"
        verifier = scram_verifier(passwords[role], secrets.token_bytes(16))
        await admin.execute(f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{verifier}'")
    if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", service):
        await admin.execute(f"GRANT {service}_owner TO CURRENT_USER")  # a managed server's administrator needs it
        await admin.execute(f"CREATE DATABASE {service} OWNER {service}_owner")
    await admin.execute(f"REVOKE ALL ON DATABASE {service} FROM PUBLIC")
    await admin.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {service} TO {service}_app")


async def _rights(url: str, service: str) -> None:
    """Give the application role the right to read and write rows of all tables that the owner has made and will
    make."""
    owner, app = f"{service}_owner", f"{service}_app"
    inside = await connect(url, f"the database {service}")
    try:
        await inside.execute(
            f"""
            ALTER SCHEMA public OWNER TO {owner};
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {app};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app};
            GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app};
            ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
                GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
            ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app};
            """
        )
    finally:
        await inside.close()


def scram_verifier(password: str, salt: bytes) -> str:
    """The SCRAM-SHA-256 verifier of a password (RFC 5803). It is sent in place of the password, which so appears in no
    statement and no log."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt64}${stored64}:{server64}"
