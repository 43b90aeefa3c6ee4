"""Settings: read once at start, frozen, handed in parts to those who need them.

Sources, the later winning: defaults, a TOML file, environment variables ``YUANJIAN_*``, command line. All mistakes
are reported together and stop the start. Nobody else reads the environment.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import OperatorError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(env_prefix="YUANJIAN_", frozen=True, extra="forbid")

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
    database_url: str = ""
    """SQLAlchemy address; default: an SQLite file in the data directory."""
    site_name: str = "远见"
    time_zone: str = "Asia/Shanghai"
    """Zone in which facilities without one of their own show times."""
    locale: str = "zh-CN"
    """Language of pages for visitors who have not chosen one."""
    country: str = "CN"
    demo: bool = False
    """Serve the demo site: accounts with known passwords. Never for real data."""

    @field_validator("public_address", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("public_address")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            ipaddress.ip_address(address)
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = []
        if (self.tls_cert is None) != (self.tls_key is None):
            mistakes.append("tls_cert and tls_key go together")
        mistakes += [
            f"{name}: no such file"
            for name in ("tls_cert", "tls_key")
            if (p := getattr(self, name)) and not p.is_file()
        ]
        if not self.is_loopback and not self.tls_cert and not self.trusted_proxy:
            mistakes.append(
                f"plain HTTP is refused on {self.host}: browsers give camera and microphone only over HTTPS; "
                "set tls_cert and tls_key, or trusted_proxy when a proxy ends TLS in front"
            )
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            mistakes.append("public_url starts with https:// (or http:// on loopback)")
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

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
    def run_dir(self) -> Path:
        """Sockets of the running processes."""
        return self.data_dir / "run"

    @property
    def database(self) -> str:
        """Address of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'yuanjian.sqlite3'}"


def load(toml: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings, or raise ``OperatorError`` with every mistake on a line of its own."""
    values: dict[str, Any] = {}
    if toml is not None:
        try:
            values = tomllib.loads(toml.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise OperatorError(f"{toml}: {error}") from None
    try:
        prefix = str(Settings.model_config["env_prefix"])
        from_environment = {key.removeprefix(prefix).lower() for key in os.environ if key.startswith(prefix)}
        merged = {key: value for key, value in values.items() if key not in from_environment}
        merged |= {key: value for key, value in overrides.items() if value is not None}
        return Settings(**merged)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(p) for p in item['loc']) or 'settings'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False)
        ]
        raise OperatorError("settings are wrong:\n  " + "\n  ".join(lines)) from None
