"""Whether name and document number belong together: a port to an outside service, and officers who compare without one.

The service is asked by nobody but an officer in a session. What it cannot say clearly, in time and signed, is no
answer: the check is then the officers' own. The number goes to the service and nowhere else; logs hold words of ours.
The contract is ``docs/VERIFICATION.md``.
"""

import asyncio
import ipaddress
import json
import socket
import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import structlog

from core.clock import Clock
from core.config import Settings
from core.ids import new_id
from core.signing import HEADER, is_signed, signature

log = structlog.get_logger()

LARGEST_ANSWER = 16 * 1024
LONGEST_REFERENCE = 64


class Outcome(StrEnum):
    """What a service says of a claim."""

    MATCH = "match"
    NO_MATCH = "no-match"
    UNSURE = "unsure"
    """It knows the service's own sources do not suffice."""
    UNAVAILABLE = "unavailable"
    """No service, no answer in time, or none that can be believed: officers compare."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says they are, by which document."""

    name: str = field(repr=False)
    document: str
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking; ``reference`` is the service's own number of its answer."""

    outcome: Outcome
    reference: str = ""


NO_ANSWER = Answer(Outcome.UNAVAILABLE)


class Verifier(Protocol):
    """Asks about one claim. Never raises: whatever goes wrong is ``UNAVAILABLE``."""

    async def verify(self, claim: Claim) -> Answer:
        """Return what is known of the claim."""


class Manual:
    """A site without a service: officers compare document and face."""

    async def verify(self, claim: Claim) -> Answer:
        """There is nobody to ask."""
        return NO_ANSWER


class HttpVerifier:
    """Asks a service over HTTPS: signed both ways, one answer per question, only at addresses the operator allowed."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._url = settings.verification_url
        self._secret = settings.verification_secret
        self._networks = [ipaddress.ip_network(one) for one in settings.verification_networks]
        self._seconds = settings.verification_timeout
        self._clock = clock

    async def verify(self, claim: Claim) -> Answer:
        """Ask once; a question is not repeated, so that no number is sent twice without an officer's wish."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask(claim)
        except _Unbelievable as error:
            log.warning("the verification service was not believed", why=error.word)
        except TimeoutError:
            log.warning("the verification service did not answer in time")
        except (httpx.HTTPError, OSError) as error:
            log.warning("the verification service could not be asked", error=type(error).__name__)
        return NO_ANSWER

    async def _ask(self, claim: Claim) -> Answer:
        question = new_id()
        document = {"type": claim.document, "number": claim.number}
        said = {"v": 1, "id": question, "purpose": "identity-check", "name": claim.name, "document": document}
        body = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            HEADER: signature(self._secret, self._clock.now(), body),
        }
        status, signed, answer = await self._post(body, headers)
        if status != httpx.codes.OK:
            raise _Unbelievable("status")
        if not is_signed(self._secret, signed, answer, self._clock.now()):
            raise _Unbelievable("signature")
        return _read(answer, question)

    async def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """The answer's status, signature and body. Goes to an address that was looked at, not to the name again, so
        that a changed name server sends nobody's number elsewhere; follows no redirects and no proxy of the system."""
        parts = urlsplit(self._url)
        host = parts.hostname or ""
        address = await self._address(host, parts.port or (443 if parts.scheme == "https" else 80))
        url = httpx.URL(self._url).copy_with(host=address)
        trusted = ssl.create_default_context()  # the machine's own store, so that an authority of the network counts
        async with httpx.AsyncClient(
            timeout=self._seconds, trust_env=False, follow_redirects=False, verify=trusted
        ) as client:
            request = client.build_request(
                "POST", url, content=body, headers=headers | {"Host": parts.netloc}, extensions={"sni_hostname": host}
            )
            response = await client.send(request, stream=True)
            try:
                found = bytearray()
                async for chunk in response.aiter_raw():
                    found += chunk
                    if len(found) > LARGEST_ANSWER:
                        raise _Unbelievable("too-long")
            finally:
                await response.aclose()
        return response.status_code, response.headers.get(HEADER, ""), bytes(found)

    async def _address(self, host: str, port: int) -> str:
        """An address of ``host``, when all it has are allowed."""
        loop = asyncio.get_running_loop()
        answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = [str(address[0]) for *_, address in answers]
        if not found or not all(self._is_allowed(one) for one in found):
            raise _Unbelievable("address")
        return found[0]

    def _is_allowed(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        return any(ip in network for network in self._networks)


class _Unbelievable(Exception):
    """An answer that is none; ``word`` says why and holds nothing of it."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _read(answer: bytes, question: str) -> Answer:
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _Unbelievable("not-json")
    if said.get("id") != question:
        raise _Unbelievable("other-question")
    outcome, reference = said.get("outcome"), said.get("reference", "")
    if outcome not in (Outcome.MATCH, Outcome.NO_MATCH, Outcome.UNSURE):
        raise _Unbelievable("outcome")
    if not isinstance(reference, str) or len(reference) > LONGEST_REFERENCE or not reference.isascii():
        raise _Unbelievable("reference")
    if reference and not reference.replace("-", "").isalnum():
        raise _Unbelievable("reference")
    return Answer(Outcome(outcome), reference)


def verifier_of(settings: Settings, clock: Clock) -> Verifier:
    """The service of the settings, or officers alone."""
    return HttpVerifier(settings, clock) if settings.verification_url else Manual()
