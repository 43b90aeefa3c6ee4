"""Settings: read once at start, frozen, handed in parts to those who need them.

Sources, the later winning: defaults, a TOML file, environment variables ``YUANJIAN_*``, command line. All mistakes
are reported together and stop the start. Nobody else reads the environment.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import OperatorError

PREFIX = "YUANJIAN_"
SCANNER = re.compile(r"unix:/\S+|tcp:\S+:\d{1,5}", re.ASCII)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
SHORTEST_SECRET = 32
"""Characters of a secret that an operator types in."""
FEWEST_LETTERS = 8
"""Different characters among them."""


class SingleSignOn(BaseModel):
    """A provider of OpenID Connect whose sign-ins are believed for the people of one tree of organisations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=40)
    """As the button on the sign-in page says it, for example ``Police portal``."""
    issuer: str
    """The provider's own name, to the letter as it stands in its tokens, for example ``https://sso.example.org``."""
    client_id: str = Field(min_length=1)
    client_secret: str = ""
    """Empty for a public client: PKCE protects the code in either case."""
    algorithms: tuple[Literal["RS256", "PS256", "ES256", "EdDSA"], ...] = ("RS256", "PS256", "ES256")
    """By which tokens may be signed. Never ``none`` and never one with a shared key."""
    authorities: Path | None = None
    """Certificates, PEM, of the only authorities whose word counts for the provider's own; default: those this machine
    trusts."""
    methods: tuple[str, ...] = ()
    """Values of ``amr`` of which the token must name one, such as ``mfa``: for a provider that does not ask everybody
    for a second factor."""

    @field_validator("authorities")
    @classmethod
    def _there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"no such file: {value}")
        return value

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.query or parts.fragment or not parts.hostname:
            raise ValueError("write it as https://sso.example.org")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("a provider is reached over https://")
        return value


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data_dir: Path = Path("var")
    """Where the database, recordings, keys and sockets live. Created with mode 0700."""
    host: str = "127.0.0.1"
    """Address the web server listens on. Plain HTTP is served on loopback only."""
    port: int = Field(default=8080, ge=0, le=65535)
    """TCP port of the web server."""
    media_port: int = Field(default=5004, ge=0, le=65535)
    """UDP (and TCP) port of the relay; further media processes use the ports after it."""
    media_processes: int = Field(default=1, ge=1, le=64)
    """How many relay processes share the sessions: one per core that may be used for media."""
    public_address: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses browsers reach the relay at; default: those of ``host``, or of this machine for 0.0.0.0."""
    public_url: str = ""
    """How browsers reach the pages, for example ``https://meet.example.org``; default: from host and port."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxy: str = ""
    """Address of a proxy that ends TLS in front of us and whose ``X-Forwarded-*`` headers are believed."""
    secrets_dir: Path | None = None
    """Directory of the site's own secrets; default: ``secrets`` in the data directory."""
    database_url: str = ""
    """SQLAlchemy address; default: an SQLite file in the data directory."""
    site_name: str = "远见"
    time_zone: str = "Asia/Shanghai"
    """Zone in which facilities without one of their own show times."""
    locale: str = "zh-CN"
    """Language of pages for visitors who have not chosen one."""
    country: str = "CN"
    counters_url: str = ""
    """Where tries are counted, for several machines: an address of the ``limits`` library such as ``redis://host:6379``,
    whose client is installed beside. Without it: a file that all web processes of this machine share."""
    smtp_host: str = ""
    """Mail server; without one, letters and short messages are written to ``outbox`` in the data directory."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_sender: str = ""
    """Address letters come from."""
    smtp_username: str = ""
    smtp_password: str = ""
    virus_scanner: str = ""
    """clamd, as ``unix:/run/clamav/clamd.ctl`` or ``tcp:host:port``, which looks through every file handed in before
    anybody opens it; while it is away the files wait. Without one, files are only saved, never shown in the page."""
    sms_url: str = ""
    """Where short messages are handed over, see docs/SMS-GATEWAY.md; empty: written to the outbox directory."""
    sms_secret: str = ""
    """Signs what is handed over there."""
    timestamp_url: str = ""
    """RFC 3161 authority that stamps every chain; without one, records say that they are not time-stamped."""
    timestamp_certificate: Path | None = None
    """The authority's certificate, PEM: the only one whose tokens are believed."""
    time_server: str = ""
    """NTP server, ``host`` or ``host:port``, asked before each new recording by how much this machine's clock is wrong;
    without one, what the kernel's time service says counts."""
    clock_limit: float = Field(default=2.0, gt=0)
    """Seconds by which the clock may be wrong; beyond it no new recording begins. Unknown is not wrong."""
    space_hours: float = Field(default=4.0, ge=0)
    """How many hours the recordings of now, and one more, must be able to go on; else no new one begins."""
    space_least_mb: int = Field(default=1024, ge=0)
    """Megabytes that must be free before a new recording begins, however little is recorded."""
    copies: Annotated[tuple[str, ...], NoDecode] = ()
    """Where second copies of recordings go, segment by segment while they run: directories, or ``s3://bucket/prefix``."""
    turn_urls: Annotated[tuple[str, ...], NoDecode] = ()
    """TURN servers for networks that block UDP, as ``turns:turn.example.org:443?transport=tcp``."""
    turn_secret: str = ""
    """Shared with the TURN servers; browsers get credentials that live ten minutes."""
    still_hours: int = Field(default=72, ge=1, le=720)
    """How many hours still pictures of an identity check are kept; their check value stays."""
    verification_url: str = ""
    """Outside service that is asked whether name and document number belong together (``docs/VERIFICATION.md``);
    without one, officers compare document and face."""
    verification_secret: str = ""
    """Shared with that service, at least 32 characters: signs questions and answers."""
    verification_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks the service's address must lie in, such as ``203.0.113.0/28``: no number is sent anywhere else."""
    verification_timeout: float = Field(default=8.0, gt=0, le=60)
    """Seconds the service has for an answer; then officers compare."""
    camera_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks in which RTSP cameras of rooms may lie, as ``10.20.0.0/16``; without any, everywhere but on this machine
    and on link-local addresses. Naming them is the better choice."""
    require_second_factor: bool | None = None
    """Whether an account needs a passkey or a code app beside its password before anything is open to it; unset:
    yes, but on the demo site."""
    single_sign_on: Mapping[str, SingleSignOn] = {}
    """Providers of OpenID Connect by tree, in TOML ``[single_sign_on.police]``. Each is told
    ``{public_url}/signin/outside/{tree}/back`` as its redirect address. Who is who is bound by administrators."""
    demo: bool = False
    """Serve the demo site: accounts with known passwords. Never for real data."""
    demo_day: bool = True
    """Give a new demo site a day of sessions around the present; without it there are accounts and cases alone."""

    @field_validator("public_address", "copies", "turn_urls", "verification_networks", "camera_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("public_address")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            ipaddress.ip_address(address)
        return value

    @field_validator("verification_networks", "camera_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @field_validator("verification_url")
    @classmethod
    def _service(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = parts.scheme == "http" and parts.hostname in LOOPBACK
        if value and (not (parts.scheme == "https" or plain) or not parts.hostname or parts.username or parts.fragment):
            raise ValueError("write it as https://verify.example.org/check; it holds no password")
        return value

    @field_validator("single_sign_on")
    @classmethod
    def _trees(cls, value: Mapping[str, SingleSignOn]) -> Mapping[str, SingleSignOn]:
        if unknown := set(value) - {"police", "procuratorate", "court", "justice"}:
            raise ValueError(f"there is no tree {', '.join(sorted(unknown))}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not a time zone of the IANA list, such as Asia/Shanghai")
        return value

    @field_validator("locale")
    @classmethod
    def _locale(cls, value: str) -> str:
        if value not in ("zh-CN", "en"):
            raise ValueError("use zh-CN or en")
        return value

    @field_validator("trusted_proxy")
    @classmethod
    def _proxy(cls, value: str) -> str:
        if value:
            ipaddress.ip_address(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("write it as https://meet.example.org, without query or fragment")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("browsers give camera and microphone only over https://")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = tuple(self._mistakes())
        if mistakes:
            raise _Inconsistent(mistakes)
        return self

    def _mistakes(self) -> Iterator[tuple[str, str]]:
        """What does not fit together: name of the setting to change, and why."""
        for name, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
            path = getattr(self, name)
            if path is None and getattr(self, other) is not None:
                yield name, f"needed beside {other}"
            if path is not None and not path.is_file():
                yield name, f"no such file: {path}"
        if not self.is_loopback and not self.tls_cert and not self.trusted_proxy:
            yield (
                "host",
                f"plain HTTP is refused on {self.host}: browsers give camera and microphone only over HTTPS; "
                "set tls_cert and tls_key, or trusted_proxy when a proxy ends TLS in front",
            )
        if bool(self.timestamp_url) != bool(self.timestamp_certificate):
            yield "timestamp_certificate", "timestamp_url and timestamp_certificate go together"
        elif self.timestamp_certificate and not self.timestamp_certificate.is_file():
            yield "timestamp_certificate", f"no such file: {self.timestamp_certificate}"
        for name, beside in (("turn", "turn_urls"), ("verification", "verification_url"), ("sms", "sms_url")):
            if getattr(self, beside) and _is_weak(getattr(self, f"{name}_secret")):
                yield f"{name}_secret", f"needed beside {beside}, at least {SHORTEST_SECRET} random characters"
        if self.virus_scanner and not SCANNER.fullmatch(self.virus_scanner):
            yield "virus_scanner", "write it as unix:/run/clamav/clamd.ctl or tcp:host:port"
        if self.smtp_host and "@" not in self.smtp_sender:
            yield "smtp_sender", "needed beside smtp_host: the address letters come from"
        if self.verification_url and not self.verification_networks:
            yield "verification_networks", "needed beside verification_url: where the service may be"
        if self.sms_url and not _is_private_way(self.sms_url):
            yield "sms_url", "write it as https://sms.example.org/send: numbers and texts do not travel in the clear"
        if self.media_port and self.media_port + self.media_processes - 1 > 65_535:
            yield "media_processes", "there are not so many ports above media_port"

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def base_url(self) -> str:
        """Address of the home page without the final slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = "https" if self.tls_cert else "http"
        return f"{scheme}://{self.host}:{self.port}"

    @property
    def second_factor(self) -> bool:
        """Whether a password alone is not enough here."""
        return not self.demo if self.require_second_factor is None else self.require_second_factor

    @property
    def run_dir(self) -> Path:
        """Sockets of the running processes."""
        return self.data_dir / "run"

    @property
    def secrets(self) -> Path:
        """Directory of ``core.vault``."""
        return self.secrets_dir or self.data_dir / "secrets"

    @property
    def outbox_dir(self) -> Path:
        """Letters and short messages of a site without a mail server."""
        return self.data_dir / "outbox"

    @property
    def ledger_dir(self) -> Path:
        """Tiles and checkpoints of the ledger, to be copied by witnesses."""
        return self.data_dir / "ledger"

    @property
    def database(self) -> str:
        """Address of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'yuanjian.sqlite3'}"


def _is_weak(secret: str) -> bool:
    """Whether a secret is missing, short, or hardly varied, as what somebody types to get past the question."""
    return len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_LETTERS


def _is_private_way(address: str) -> bool:
    """Whether what is sent to ``address`` cannot be read on the way: over TLS, or on this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


class _Inconsistent(ValueError):
    """Settings that are right one by one and do not fit together."""

    def __init__(self, mistakes: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in mistakes))
        self.mistakes = mistakes


def load(toml: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings, or raise ``OperatorError`` with every mistake on a line of its own.

    Each line names the setting and the environment variable that sets it. What does not fit together is looked for
    even when single settings are wrong: those are then taken as their defaults.
    """
    values = _from_file(toml)
    in_environment = {key.removeprefix(PREFIX).lower() for key in os.environ if key.startswith(PREFIX)}
    merged = {key: value for key, value in values.items() if key not in in_environment}
    merged |= {key: value for key, value in overrides.items() if value is not None}
    mistakes = _misspelt(in_environment)
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        mistakes |= _mistakes(error)
        mistakes = _together(merged, mistakes) | mistakes
    if mistakes:
        lines = (f"{name} ({PREFIX}{name.upper()}): {why}" for name, why in sorted(mistakes.items()))
        raise OperatorError("settings are wrong:\n  " + "\n  ".join(lines))
    return settings


def prepare(settings: Settings) -> None:
    """Make the data and socket directories, readable by this user alone. Raises ``OperatorError``."""
    for directory in (settings.data_dir, settings.run_dir):
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if directory.stat().st_mode & 0o077:
                directory.chmod(0o700)
        except OSError as error:
            raise OperatorError(f"{directory} cannot be made private to this user: {error.strerror}") from None


def _misspelt(names: Collection[str]) -> dict[str, str]:
    """Variables that are no setting but look like one; others of our prefix may belong to a tool."""
    found = {}
    for name in set(names) - set(Settings.model_fields):
        meant = get_close_matches(name, Settings.model_fields, n=1, cutoff=0.7)
        if meant:
            found[name] = f"there is no such setting; perhaps {meant[0]}"
    return found


def _from_file(toml: Path | None) -> dict[str, Any]:
    if toml is None:
        return {}
    try:
        return tomllib.loads(toml.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OperatorError(f"{toml}: {error}") from None


def _together(merged: Mapping[str, Any], wrong: Mapping[str, str]) -> dict[str, str]:
    """What does not fit together once the settings in ``wrong`` are left out."""
    right = {key: value for key, value in merged.items() if key not in wrong}
    right |= {key: Settings.model_fields[key].get_default() for key in wrong if key in Settings.model_fields}
    try:
        Settings(**right)
    except ValidationError as error:
        return _mistakes(error)
    return {}


def _mistakes(error: ValidationError) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in error.errors(include_url=False, include_input=False):
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, _Inconsistent):
            found |= dict(cause.mistakes)
        else:
            found[str(item["loc"][0])] = item["msg"].removeprefix("Value error, ")
    return found
