"""The client's side of OpenID Connect Core 1.0: code flow with PKCE (RFC 7636), and the checks of an ID token.

Nothing here knows people. A token is believed only when it is signed by a key the provider publishes, by one of the
algorithms the settings name, for us, for the nonce at hand, and is not older than a few minutes.
"""

import base64
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core.clock import Clock
from core.config import SingleSignOn
from core.errors import Denied, OperatorError, Unavailable

log = structlog.get_logger()

KEPT = timedelta(hours=1)
"""How long discovery and keys are believed."""
AGAIN = timedelta(minutes=1)
"""Earliest time after which keys are fetched anew for a token signed by an unknown one."""
OLDEST = timedelta(minutes=10)
"""Age of a token that is still taken."""
SKEW = 60
"""Seconds by which the provider's clock may differ."""
_LARGEST = 256 * 1024
_PATIENCE = 8.0


@dataclass(frozen=True, slots=True)
class Request:
    """What one sign-on keeps until it comes back."""

    redirect: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Discovered:
    """What the provider says about itself."""

    authorization: str
    token: str
    keys: str
    names_itself: bool
    """Whether its answers carry ``iss`` (RFC 9207)."""


class Provider:
    """One provider, with what it said about itself remembered for a while.

    Raises ``OperatorError`` when the settings name authorities that cannot be read.
    """

    def __init__(self, settings: SingleSignOn, clock: Clock) -> None:
        self.settings = settings
        self._trusted = _trusted(settings.authorities)
        self._clock = clock
        self._discovered: tuple[datetime, Discovered] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    async def authorization_url(self, request: Request) -> str:
        """Where the browser is sent. Raises ``Unavailable``."""
        found = await self._about()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": request.redirect,
            "scope": "openid",
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": _challenge(request.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(found.authorization).query else "?"
        return f"{found.authorization}{joint}{urlencode(asked)}"

    async def subject(self, request: Request, answer: Mapping[str, str]) -> str:
        """Who signed in, by what came back. Raises ``Denied("outside-refused")`` or ``Unavailable``."""
        found = await self._about()
        self._check_answer(request, answer, found)
        token = await self._exchange(request, answer["code"], found)
        return self._subject(await self._verified(token), request)

    def _check_answer(self, request: Request, answer: Mapping[str, str], found: Discovered) -> None:
        if not hmac.compare_digest(answer.get("state", "").encode(), request.state.encode()):
            raise refused("state")
        issuer = answer.get("iss")
        if (issuer is None and found.names_itself) or (issuer is not None and issuer != self.settings.issuer):
            raise refused("mix-up")
        if answer.get("error") or not answer.get("code"):
            raise refused("no-code")

    async def _exchange(self, request: Request, code: str, found: Discovered) -> str:
        """Trade the code for an ID token (RFC 6749 4.1.3)."""
        body = {
            "grant_type": "authorization_code",
            "code": code[:2048],
            "redirect_uri": request.redirect,
            "client_id": self.settings.client_id,
            "code_verifier": request.verifier,
        }
        basic = (self.settings.client_id, self.settings.client_secret) if self.settings.client_secret else None
        said = await self._ask("POST", found.token, data=body, auth=basic)
        token = said.get("id_token")
        if not isinstance(token, str):
            raise refused("no-token")
        return token

    async def _verified(self, token: str) -> Mapping[str, Any]:
        """The claims of a token with a right signature; keys are fetched anew once for one that is unknown."""
        for fresh in (False, True):
            keys = await self._key_set(fresh=fresh)
            try:
                return jwt.decode(token, keys, algorithms=list(self.settings.algorithms)).claims
            except (JoseError, ValueError, TypeError, KeyError) as error:
                if fresh or not self._may_fetch_again():
                    raise refused(f"signature: {type(error).__name__}") from None
        raise AssertionError  # the loop has returned or raised

    def _subject(self, claims: Mapping[str, Any], request: Request) -> str:
        """The checks of OpenID Connect Core 3.1.3.7."""
        now, ours = int(self._clock.now().timestamp()), self.settings.client_id
        audience = claims.get("aud")
        for_us = [audience] if isinstance(audience, str) else audience
        if claims.get("iss") != self.settings.issuer:
            raise refused("issuer")
        if not isinstance(for_us, list) or ours not in for_us or (len(for_us) > 1 and claims.get("azp") != ours):
            raise refused("audience")
        if claims.get("azp", ours) != ours:
            raise refused("party")
        expires, issued = claims.get("exp"), claims.get("iat")
        if not isinstance(expires, int | float) or expires <= now - SKEW:
            raise refused("expired")
        if not isinstance(issued, int | float) or not now - OLDEST.total_seconds() - SKEW <= issued <= now + SKEW:
            raise refused("age")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), request.nonce.encode()):
            raise refused("nonce")
        if self.settings.methods and not set(self.settings.methods) & _names(claims.get("amr")):
            raise refused("methods")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise refused("subject")
        return subject

    async def _about(self) -> Discovered:
        now = self._clock.now()
        if self._discovered is None or now - self._discovered[0] > KEPT:
            place = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
            self._discovered = now, self._read(await self._ask("GET", place))
        return self._discovered[1]

    def _read(self, said: Mapping[str, Any]) -> Discovered:
        """Raises ``Unavailable`` when the document is another provider's or names addresses outside TLS."""
        ends = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if said.get("issuer") != self.settings.issuer or not all(self._safe(end) for end in ends):
            log.error("a sign-on provider's description does not fit the settings")
            raise _away()
        authorization, token, keys = (str(end) for end in ends)
        names_itself = said.get("authorization_response_iss_parameter_supported") is True
        return Discovered(authorization, token, keys, names_itself)

    def _safe(self, address: object) -> bool:
        own = urlsplit(self.settings.issuer).scheme
        return isinstance(address, str) and urlsplit(address).scheme in {"https", own}

    async def _key_set(self, *, fresh: bool) -> KeySet:
        now = self._clock.now()
        if fresh or self._keys is None or now - self._keys[0] > KEPT:
            said = await self._ask("GET", (await self._about()).keys)
            try:
                self._keys = now, KeySet.import_key_set({"keys": _public(said)})
            except (JoseError, ValueError, TypeError, KeyError):
                log.error("a sign-on provider's keys cannot be read")
                raise _away() from None
        return self._keys[1]

    def _may_fetch_again(self) -> bool:
        return self._keys is None or self._clock.now() - self._keys[0] >= AGAIN

    async def _ask(self, method: str, address: str, **options: Any) -> Mapping[str, Any]:
        """A JSON object from the provider; no redirect is followed. Raises ``Denied`` (4xx) or ``Unavailable``."""
        try:
            async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False, verify=self._trusted) as client:
                response = await client.request(method, address, headers={"Accept": "application/json"}, **options)
        except httpx.HTTPError as error:
            log.error("a sign-on provider does not answer", error=type(error).__name__)
            raise _away() from None
        if method == "POST" and 400 <= response.status_code < 500:
            raise refused("code")
        try:
            said = response.json() if response.status_code == 200 and len(response.content) <= _LARGEST else None
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            log.error("a sign-on provider answers in an unknown way", status=response.status_code)
            raise _away()
        return said


def _trusted(authorities: Path | None) -> ssl.SSLContext:
    """What the provider's certificate is checked by: named authorities alone, else the machine's own store."""
    try:
        return ssl.create_default_context(cafile=authorities)
    except (ssl.SSLError, OSError):
        raise OperatorError(f"{authorities} holds no certificates: single_sign_on needs them in PEM") from None


def _challenge(verifier: str) -> str:
    """The ``S256`` challenge of a verifier (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")


def refused(why: str) -> Denied:
    """The one refusal people see; ``why`` is for the log."""
    log.warning("a single sign-on was refused", why=why)
    return Denied("outside-refused", "The sign-in was not accepted. Please begin again, or sign in in another way.")


def _away() -> Unavailable:
    return Unavailable(
        "outside-away", "The other sign-in service does not answer right now. Try again, or sign in in another way."
    )


def _public(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its keys for signatures; a shared key is no key here, whatever it is published for."""
    keys = said["keys"]
    return [key for key in keys if key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"]


def _names(value: object) -> set[str]:
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()
