"""Addresses of RTSP cameras: which form they have, which networks they may lie in, how they are shown.

An address is typed by an administrator and opened by a server inside the network, so it must not become a way to
anything that is no camera: form and network are judged here, when it is typed and again when it is opened.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LONGEST = 512
_PORTS = {"rtsp": 554, "rtsps": 322}
"""Schemes with their ports (RFC 7826 22.14)."""
_FORM = re.compile(
    r"(?P<scheme>rtsps?)://(?:(?P<user>[A-Za-z0-9._~%!$&'()*+,;=:-]*)@)?"
    r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!$-?A-~]*)?"
)
"""Narrower than RFC 3986, so that nobody who reads it can take another part of it for the host."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its parts. ``user`` holds name and password, ``path`` the query too."""

    scheme: str
    user: str
    host: str
    port: int
    path: str

    def at(self, ip: str) -> str:
        """The same address with its host already looked up, so that nothing looks it up again."""
        host = f"[{ip}]" if ":" in ip else ip
        return f"{self.scheme}://{self.user + '@' if self.user else ''}{host}:{self.port}{self.path}"

    @property
    def masked(self) -> str:
        """What pages may show: where the camera is; never name and password, nor a path, which often holds a key."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/…"


def parse(text: str) -> Address | None:
    """The parts of an RTSP address, or ``None`` when it is none."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    host = found["host"].strip("[]")
    port = int(found["port"] or _PORTS[found["scheme"]])
    if not 0 < port < 65536 or (found["host"][0] == "[" and _ip(host) is None):
        return None
    return Address(found["scheme"], found["user"] or "", host, port, found["path"] or "/")


def may_be_opened(ip: str, networks: Sequence[str]) -> bool:
    """Whether a camera may lie at ``ip``: in one of ``networks``; with none named, anywhere but on this machine, on a
    link without a router, where clouds answer with their credentials, or where many answer."""
    address = _ip(ip)
    if address is None:
        return False
    if networks:
        return any(address in ipaddress.ip_network(network) for network in networks)
    own = address.is_loopback or address.is_unspecified
    return not (own or address.is_link_local or address.is_multicast or address.is_reserved)


def first_open(ips: Iterable[str], networks: Sequence[str]) -> str | None:
    """The first of the addresses of a name that may be opened."""
    return next((ip for ip in ips if may_be_opened(ip, networks)), None)


def literal(host: str) -> bool:
    """Whether a host is an address already, not a name."""
    return _ip(host) is not None


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as what it stands for: one of IPv4 written in IPv6 is one of IPv4."""
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed
