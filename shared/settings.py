"""Every STEPDOWN_* variable that an operator can set, documented only here; secrets never show in a repr."""

from __future__ import annotations

import base64
import binascii
import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shared.errors import SetUpError

if TYPE_CHECKING:
    import ssl

PREFIX = "STEPDOWN_"
KEY_BYTES = 32  # AES-256-GCM


class _FromFiles(EnvSettingsSource):
    """Reads setting X from the file that `STEPDOWN_X_FILE` names, so that a secret need not be in the environment."""

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.settings_cls.model_fields:
            text = _of_file(name)
            if text is not None:
                found[name] = text
        return found


def variable(name: str) -> str | None:
    """The text of the file that STEPDOWN_<NAME>_FILE names, else of STEPDOWN_<NAME>; None where neither is set or it is
    empty."""
    text = _of_file(name)
    return os.environ.get(PREFIX + name.upper()) or None if text is None else text


def _of_file(name: str) -> str | None:
    path = os.environ.get(f"{PREFIX}{name.upper()}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SetUpError(f"{PREFIX}{name.upper()}_FILE names a file that can't be read ({reason})") from None


class Settings(BaseSettings):
    """One service's settings (contract 1), from the environment `STEPDOWN_<NAME>` or the file in
    `STEPDOWN_<NAME>_FILE`.

    Where both are set the file wins. Passwords and keys are SecretStr, and so is the database URL, which has a
    password.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    kafka: str = Field("127.0.0.1:9092", description="bootstrap servers, host:port, separated by commas")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to speak to the broker"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, where the protocol has SASL"
    )
    kafka_username: str | None = Field(None, description="user name, where the protocol has SASL")
    kafka_password: SecretStr | None = Field(None, description="password, where the protocol has SASL")
    kafka_ca_file: Path | None = Field(None, description="PEM file of the broker's certificate authority")
    kafka_certificate_file: Path | None = Field(None, description="PEM file of our certificate (mutual TLS)")
    kafka_key_file: Path | None = Field(None, description="PEM file of our certificate's key (mutual TLS)")
    kafka_partitions: int = Field(8, ge=1, le=1000, description="partitions of a topic when it is made")
    kafka_replication: int = Field(1, ge=1, le=7, description="replication factor of a topic when it is made")

    database_url: SecretStr | None = Field(
        None, description="this service's database as its application role: postgresql://user:password@host:port/name"
    )
    database_owner_url: SecretStr | None = Field(
        None, description="the same database as its owner role, for `stepdown db migrate`"
    )
    database_pool: int = Field(8, ge=1, le=200, description="connections that one service may have open")

    http_host: str = Field("127.0.0.1", description="address the service's HTTP door listens on")
    http_port: int = Field(0, ge=0, le=65535, description="its port; 0: any free one")
    http_connections: int = Field(
        1000, ge=8, le=100_000, description="HTTP connections at a time; one address has half of them at most"
    )
    mllp_host: str = Field("127.0.0.1", description="address intake's MLLP door listens on")
    mllp_port: int = Field(0, ge=0, le=65535, description="its port; 0: any free one")
    mllp_connections: int = Field(
        1000, ge=8, le=100_000, description="MLLP connections at a time; one address has half of them at most"
    )
    mllp_idle_seconds: float = Field(
        600, ge=10, le=86_400, description="an MLLP connection without a message for so long is closed"
    )
    mllp_certificate_file: Path | None = Field(
        None, description="PEM file of the MLLP door's certificate and its chain; with it the door speaks TLS only"
    )
    mllp_key_file: Path | None = Field(None, description="PEM file of its key, where that is not in the same file")
    mllp_client_ca_file: Path | None = Field(
        None, description="PEM file of the authorities whose clients may connect to the MLLP door (mutual TLS)"
    )

    config: Path | None = Field(None, description="folder of the site config; absent: the sample site")
    sample_site: Literal["allow"] | None = Field(
        None, description="allow: run on the sample site though a door, the broker or the database is not on loopback"
    )
    data: Path = Field(Path(".stepdown"), description="where `up` keeps the ready file, databases and topics")
    message_keys: SecretStr | None = Field(
        None,
        description="AES-256-GCM keys that seal messages, identities and dead letters: id:base64 of 32 bytes, by "
        "commas; each service has its own",
    )
    dead_letter_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="days that the content of a dead letter is kept, sealed, where the site config says none; its "
        "place stays known",
    )
    revocation_wait: float = Field(
        5.0, ge=0, le=5, description="seconds that the answer to a revoked consent waits for placement's gate, then 202"
    )
    token_secret: SecretStr | None = Field(
        None, description="secret of the development token issuer; only `up` on loopback sets it"
    )
    token_issuer: str | None = Field(None, description="`iss` that bearer tokens must have")
    token_audience: str = Field("stepdown", description="`aud` that bearer tokens must have")
    token_jwks_url: str | None = Field(
        None,
        pattern=r"(https://|http://(127\.0\.0\.1|localhost)[:/])\S+",
        description="where the real issuer publishes its keys (JWK Set); https, or this machine",
    )

    issuer: str | None = Field(
        None,
        pattern=r"(https://|http://(127\.0\.0\.1|localhost)[:/])\S+",
        description="address of the OpenID issuer at which people sign in, as it names itself (`iss`); https, or "
        "this machine; absent: STEPDOWN_TOKEN_ISSUER",
    )
    client_id: str | None = Field(
        None, description="by which name that issuer knows Stepdown; absent: nobody signs in there"
    )
    client_secret: SecretStr | None = Field(
        None, description="the secret that goes with it; absent: a public client (PKCE alone)"
    )
    sign_in_scopes: str = Field(
        "openid profile",
        description="scopes asked for, with blanks between; some issuers want offline_access to refresh",
    )
    desk_url: str | None = Field(
        None,
        pattern=r"https?://[^\s/?#]+/?",
        description="the public address of the desks, without a path: the issuer leads people back to its /signed-in, "
        "and after signing out to its /sign-out",
    )
    sessions_url: str | None = Field(
        None,
        pattern=r"https?://[^\s?#]+",
        description="where placement and aftercare reach intake, which keeps the sessions of people who signed in; "
        "absent: people sign in to this service alone, with a development token",
    )
    session_idle_minutes: int = Field(
        30, ge=2, le=1440, description="a session that is not used for so many minutes is over"
    )
    session_hours: int = Field(12, ge=1, le=168, description="a session is over after so many hours, used or not")
    sessions_per_person: int = Field(
        10, ge=1, le=100, description="sessions that one person may have at a time; one more ends the oldest"
    )

    otlp_endpoint: str | None = Field(
        None,
        pattern=r"https?://[^\s?#]+",
        description="OpenTelemetry collector that takes traces by OTLP over HTTP (http://host:4318): spans go to its "
        "/v1/traces; absent: where OTEL_EXPORTER_OTLP_ENDPOINT says, else none are made",
    )
    traces_share: float = Field(
        1.0, ge=0, le=1, description="the part of all traces of which spans are sent: 0.01 is one in a hundred"
    )

    instance: str | None = Field(
        None,
        pattern=r"[A-Za-z0-9._-]{1,60}",
        description="name of this process among those of its service, the same after a restart (a pod's name): "
        "it then takes its partitions back at once; no two at a time may have one name",
    )
    parent_pipe: int | None = Field(None, description="set by `up`: ends the service when this pipe closes")
    start_after: Path | None = Field(
        None, description="set by `up`: the service begins when this file is there, and imports its libraries meanwhile"
    )
    log_level: Literal["INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="what is logged; there is no DEBUG, it would tell what messages say"
    )
    request_log: bool = Field(
        True, description="a log line (INFO) for each HTTP request: method, route, status, seconds, roles; no address"
    )

    @field_validator("message_keys")
    @classmethod
    def _keys_are_readable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_keys(value.get_secret_value())
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is given
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _FromFiles(settings_cls), env_settings

    @property
    def only_this_machine(self) -> bool:
        """True when doors, broker and database (where set) are all on loopback."""
        brokers = [server.rpartition(":")[0] for server in self.kafka.split(",")]
        database = urlsplit(self.database_url.get_secret_value()).hostname if self.database_url else None
        places = (self.http_host, self.mllp_host, *brokers, *([database] if database else []))
        return all(map(is_loopback, places))

    def database(self) -> str:
        """The database URL with its password. Raises SetUpError where none is set."""
        if self.database_url is None:
            raise SetUpError("no database was given: set STEPDOWN_DATABASE_URL (or STEPDOWN_DATABASE_URL_FILE)")
        return self.database_url.get_secret_value()

    def keys(self) -> dict[str, bytes]:
        """Key id → 32 bytes; the first key seals, all of them open. Raises SetUpError where none is set."""
        if self.message_keys is None:
            raise SetUpError("no message key was given: set STEPDOWN_MESSAGE_KEYS_FILE (id:base64, 32 bytes)")
        return parse_keys(self.message_keys.get_secret_value())

    def mllp_tls(self) -> ssl.SSLContext | None:
        """TLS 1.2 or later for the MLLP door; None where no certificate is set. Raises SetUpError for an unusable
        file."""
        if self.mllp_certificate_file is None:
            if self.mllp_key_file or self.mllp_client_ca_file:
                raise SetUpError("TLS for MLLP needs a certificate: set STEPDOWN_MLLP_CERTIFICATE_FILE")
            return None
        import ssl  # noqa: PLC0415  # only where TLS is used

        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self.mllp_certificate_file, self.mllp_key_file, password=lambda: "")
            if self.mllp_client_ca_file:
                context.load_verify_locations(self.mllp_client_ca_file)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            raise SetUpError(f"the MLLP door's TLS files can't be read ({type(error).__name__})") from None
        return context

    def kafka_client(self) -> dict[str, Any]:
        """Keyword arguments for every aiokafka client: bootstrap servers and, where set, TLS and SASL."""
        found: dict[str, Any] = {
            "bootstrap_servers": self.kafka.split(","),
            "security_protocol": self.kafka_security_protocol,
        }
        if "SSL" in self.kafka_security_protocol:
            found["ssl_context"] = self._tls()
        if "SASL" in self.kafka_security_protocol:
            found["sasl_mechanism"] = self.kafka_sasl_mechanism
            found["sasl_plain_username"] = self.kafka_username
            found["sasl_plain_password"] = self.kafka_password.get_secret_value() if self.kafka_password else None
        return found

    def _tls(self) -> Any:
        import ssl  # noqa: PLC0415  # only where TLS is used

        try:
            context = ssl.create_default_context(cafile=str(self.kafka_ca_file) if self.kafka_ca_file else None)
            if self.kafka_certificate_file:
                context.load_cert_chain(self.kafka_certificate_file, self.kafka_key_file)
        except (OSError, ssl.SSLError) as error:
            raise SetUpError(f"the broker's TLS files can't be read ({type(error).__name__})") from None
        return context


def is_loopback(host: str) -> bool:
    """True when the host name means this machine only."""
    return host in {"localhost", "::1", "[::1]"} or host.startswith("127.")


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """For each STEPDOWN_* variable of `environment` that nothing reads a sentence with the nearest known one."""
    known = {name for name, _, _ in documented()} | set(COMMANDS_READ)
    known |= {f"{name}_FILE" for name in known} | TESTS_READ
    found = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            ends = sorted(each.removeprefix(PREFIX) for each in known)
            near = difflib.get_close_matches(name.removeprefix(PREFIX), ends, n=1)
            found.append(f"nothing reads {name}" + (f" (did you mean {PREFIX}{near[0]}?)" if near else ""))
    return found


def parse_keys(text: str) -> dict[str, bytes]:
    """`id:base64,id:base64` → key id → 32 bytes, in order. Raises ValueError without any of the text."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        name, _, encoded = part.partition(":")
        try:
            keys[name] = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise ValueError("a message key is not base64") from None
        if not name or len(keys[name]) != KEY_BYTES:
            raise ValueError(f"a message key is id:base64 of {KEY_BYTES} bytes")
    if not keys:
        raise ValueError("there is no message key in it")
    return keys


def load(**given: Any) -> Settings:
    """The settings from environment and files. Raises SetUpError with the names of wrong variables, never their
    values."""
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False))
        raise SetUpError(f"the environment is not right: {wrong}") from None


COMMANDS_READ = {
    "STEPDOWN_INTAKE_DATABASE_URL": "intake's database, for commands that look into all three (`verify`, …)",
    "STEPDOWN_PLACEMENT_DATABASE_URL": "placement's, likewise",
    "STEPDOWN_AFTERCARE_DATABASE_URL": "aftercare's, likewise",
    "STEPDOWN_INTAKE_DATABASE_OWNER_URL": "the same database as its owner role, for `db migrate` of all three at once",
    "STEPDOWN_PLACEMENT_DATABASE_OWNER_URL": "placement's, likewise",
    "STEPDOWN_AFTERCARE_DATABASE_OWNER_URL": "aftercare's, likewise",
    "STEPDOWN_INTAKE_MESSAGE_KEYS": "intake's keys, for `dead-letters show --content`; else STEPDOWN_MESSAGE_KEYS",
    "STEPDOWN_PLACEMENT_MESSAGE_KEYS": "placement's, likewise",
    "STEPDOWN_AFTERCARE_MESSAGE_KEYS": "aftercare's, likewise",
    "STEPDOWN_DATABASE_ADMIN_URL": "an administrator's URL, for `db migrate` to make databases and roles with",
    "STEPDOWN_TOKEN": "a bearer token for commands that ask a service over HTTP, where the system issues none itself",
    "STEPDOWN_DEBUG": "any text: an error shows where it came from, and that may show what a message said",
}
"""What only the command line reads, beside Settings; the URLs also as `…_FILE`."""


TESTS_READ = {"STEPDOWN_TEST_CONTAINERS", "STEPDOWN_CORPUS", "STEPDOWN_POSTGRES"}
"""What only the tests and deploy/make-secrets read."""


def documented() -> list[tuple[str, str, str]]:
    """(variable, default, description) of every setting, for docs/ and `doctor`."""
    return [
        (f"{PREFIX}{name.upper()}", _shown(f.default), f.description or "") for name, f in Settings.model_fields.items()
    ]


def _shown(default: object) -> str:
    return "" if default is None else str(default)
