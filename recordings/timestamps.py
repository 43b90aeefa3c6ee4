"""Trusted timestamps (RFC 3161) over the head of a chain: asking for them, queueing them, checking them.

A token over a line's SHA-256 proves that the line, and by ``prev`` everything before it, existed then. While a chain is
open tokens become ``timestamp`` records; those that arrive after the close, because the authority was away, stand in
``timestamps.jsonl`` beside it: they prove themselves and need no signature of ours.
"""

import base64
import contextlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from recordings.canonical import canonical, instant, parsed
from recordings.chain import Walk, sha256, walk
from recordings.filesystem import Disk
from recordings.layout import RecordingFiles, keys_dir

log = structlog.get_logger()

AUTHORITY = "timestamp-authority.pem"
"""In ``data_dir/keys``: the pinned root certificate of the authority."""
EVERY = 60.0
"""Seconds between tokens of an open chain."""
_TIMEOUT = 10
_LIMIT = 256 * 1024


class AuthorityAway(Exception):
    """No token now; ask again later."""


class TokenInvalid(Exception):
    """What was answered, or kept, is not a token of the pinned authority over this digest."""


class Authority(Protocol):
    """Gives tokens."""

    name: str

    def stamp(self, digest: bytes) -> bytes:
        """Return the DER token over a SHA-256. Blocks; raises ``AuthorityAway`` and ``TokenInvalid``."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A token that fits."""

    at: datetime
    authority: str


def check_token(token: bytes, digest: bytes, roots: Sequence[bytes], nonce: int | None = None) -> Checked:
    """Check a DER token over ``digest`` against pinned root certificates (PEM). Raises ``TokenInvalid``."""
    import rfc3161_client
    from cryptography import x509

    try:
        response = rfc3161_client.decode_timestamp_response(_response_around(token))
        builder = rfc3161_client.VerifierBuilder()
        for root in roots:
            for certificate in x509.load_pem_x509_certificates(root):
                builder = builder.add_root_certificate(certificate)
        if nonce is not None:
            builder = builder.nonce(nonce)
        builder.build().verify(response, digest)
        info = response.tst_info
        return Checked(info.gen_time, str(info.name.value.rfc4514_string()) if info.name else "")
    except (rfc3161_client.VerificationError, ValueError, TypeError, AttributeError) as error:
        raise TokenInvalid(type(error).__name__) from None


def _response_around(token: bytes) -> bytes:
    """A TimeStampResp with status granted (RFC 3161 2.4.2) around a bare token, as the library wants one."""
    body = b"\x30\x03\x02\x01\x00" + token
    size = len(body)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return b"\x30" + (bytes((size,)) if size < 128 else bytes((0x80 | len(length),)) + length) + body


class HttpAuthority:
    """An authority that speaks RFC 3161 over HTTP (section 3.4), by no proxy of the environment."""

    def __init__(self, url: str, root: bytes) -> None:
        """``root``: the pinned certificate, PEM. An answer that it does not vouch for is refused."""
        self.name = url
        self.root = root

    def stamp(self, digest: bytes) -> bytes:
        import rfc3161_client

        nonce = int.from_bytes(os.urandom(8), "big") >> 1
        request = _request(digest, nonce)
        answer = self._ask(request)
        try:
            response = rfc3161_client.decode_timestamp_response(answer)
        except ValueError:
            raise TokenInvalid("not a response") from None
        if response.status not in (0, 1):
            raise AuthorityAway(f"status {response.status}")
        token = bytes(response.time_stamp_token())
        check_token(token, digest, [self.root], nonce)
        return token

    def _ask(self, request: bytes) -> bytes:
        asked = urllib.request.Request(  # noqa: S310  the address is the operator's
            self.name, request, {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=_TIMEOUT) as answer:
                data: bytes = answer.read(_LIMIT)
                return data
        except (OSError, http.client.HTTPException, urllib.error.URLError) as error:
            raise AuthorityAway(type(error).__name__) from None


def _request(digest: bytes, nonce: int) -> bytes:
    """A TimeStampReq (RFC 3161 2.4.1) over SHA-256, with nonce, asking for the certificate."""
    number = nonce.to_bytes(nonce.bit_length() // 8 + 1, "big")
    imprint = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    body = b"\x02\x01\x01" + imprint + b"\x02" + bytes((len(number),)) + number + b"\x01\x01\xff"
    return b"\x30" + bytes((len(body),)) + body


class Stamper:
    """Asks for a token over the head of one open chain every minute, on a thread of its own, and hands it back.

    Only the newest head is asked for: its token covers everything before it. An authority that is away is asked again
    the next minute; recording never waits.
    """

    def __init__(
        self, authority: Authority, head: Callable[[], tuple[int, str]], put: Callable[[int, str, bytes, str], None]
    ) -> None:
        self._authority = authority
        self._head = head
        self._put = put
        self._stop = threading.Event()
        self._every = EVERY
        self._thread = threading.Thread(target=self._run, name="stamper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        stamped = -1
        while not self._stop.wait(self._every):
            number, digest = self._head()
            if number <= stamped:
                continue
            try:
                token = self._authority.stamp(bytes.fromhex(digest))
            except (AuthorityAway, TokenInvalid) as error:
                log.warning("no time stamp now", error=type(error).__name__, authority=self._authority.name)
                continue
            stamped = number
            self._put(number, digest, token, self._authority.name)


def stamp_closed(files: RecordingFiles, authority: Authority, disk: Disk) -> bool:
    """Put a token over the last line of a closed chain beside it, unless one is there; return whether one was added.

    Raises ``AuthorityAway``, ``TokenInvalid`` and ``OSError``.
    """
    found = walk(files.chain.read_bytes())
    last = next((line for line in reversed(found.lines) if line.is_signed and line.body["type"] == "close"), None)
    if last is None:
        return False
    digest = sha256(last.raw)
    if any(item["digest"] == digest for item in _beside(files)):
        return False
    token = authority.stamp(bytes.fromhex(digest))
    body = {
        "of": last.body["n"],
        "digest": digest,
        "token": base64.b64encode(token).decode(),
        "authority": authority.name,
    }
    kept = _file(files).read_bytes() if _file(files).exists() else b""
    disk.write_whole(_file(files), kept + canonical(body) + b"\n")
    return True


def check_all(files: RecordingFiles, found: Walk, roots: Sequence[bytes]) -> Iterator[Mapping[str, Any]]:
    """Check every token of a recording: ``of``, ``ms``, ``ok``, ``at``, ``authority``."""
    lines = {line.body["n"]: line for line in found.lines if line.is_signed}
    for item in [*found.signed("timestamp"), *_beside(files)]:
        line = lines.get(item["of"])
        said: dict[str, Any] = {"of": item["of"], "ms": line.body["ms"] if line else 0, "ok": False}
        with contextlib.suppress(TokenInvalid, ValueError):
            digest = bytes.fromhex(sha256(line.raw)) if line else b""
            checked = check_token(base64.b64decode(item["token"], validate=True), digest, roots)
            said |= {"ok": True, "at": instant(checked.at), "authority": str(item.get("authority", ""))}
        yield said


def pinned(data_dir: Path) -> list[bytes]:
    """The authority's root certificate as pinned in a data directory."""
    path = keys_dir(data_dir) / AUTHORITY
    return [path.read_bytes()] if path.is_file() else []


def pin(data_dir: Path, root: bytes) -> None:
    """Keep an authority's certificate where the verifier looks; those of earlier authorities stay."""
    path = keys_dir(data_dir) / AUTHORITY
    known = path.read_bytes() if path.is_file() else b""
    if root.strip() not in known:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Disk().write_whole(path, root.strip() + b"\n" + known)


def has_tokens(files: RecordingFiles, found: Walk) -> bool:
    return any(found.signed("timestamp")) or bool(_beside(files))


def _file(files: RecordingFiles) -> Path:
    return files.root / "timestamps.jsonl"


def _beside(files: RecordingFiles) -> list[dict[str, Any]]:
    if not _file(files).is_file():
        return []
    found = []
    for line in _file(files).read_bytes().splitlines():
        try:
            body = parsed(line)
        except ValueError:
            body = None
        fits = isinstance(body, dict) and isinstance(body.get("of"), int) and isinstance(body.get("token"), str)
        found.append(body if fits else {"of": -1, "digest": "", "token": ""})
    return found
