"""A small OpenID provider over HTTP, with real keys and with knobs to misbehave: discovery, keys, code exchange."""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from core.clock import FakeClock

CLIENT, SECRET = "yuanjian", "a secret of sixteen and more"


def unsigned(claims: dict[str, Any]) -> str:
    """A token with ``alg: none``."""
    return ".".join(_packed(json.dumps(p).encode()) for p in ({"alg": "none", "typ": "JWT"}, claims)) + "."


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class Provider:
    """One provider. ``sign`` makes the token out of the claims, ``claims`` may change them."""

    clock: FakeClock
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    subject: str = "u-4711"
    names_itself: bool = True
    sign: Callable[[dict[str, Any]], str] | None = None
    claims: Callable[[dict[str, Any]], dict[str, Any]] = dict
    issuer_told: str = ""
    told: str = ""
    """What it says instead of its description."""
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    server: TestServer = field(init=False)

    async def start(self, certificate: ssl.SSLContext | None = None) -> "Provider":
        """Serve, with ``certificate`` over TLS."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._about)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        self.server = TestServer(app, scheme="https" if certificate else "http")
        await self.server.start_server(ssl=certificate)
        return self

    @property
    def issuer(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def visit(self, address: str) -> dict[str, str]:
        """What the browser brings back after its user signed in at the provider."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"]}
        return answer | ({"iss": self.issuer} if self.names_itself else {})

    def callback(self, address: str) -> str:
        """The same as the path and query the browser is sent to."""
        asked = parse_qs(urlsplit(address).query)
        return urlsplit(asked["redirect_uri"][0]).path + "?" + urlencode(self.visit(address))

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def hs_with_public_key(self, claims: dict[str, Any]) -> str:
        """The old confusion: HMAC with the public key's text as the shared key."""
        said = ".".join(_packed(json.dumps(p).encode()) for p in ({"alg": "HS256", "kid": self.key.kid}, claims))
        return f"{said}.{_packed(hmac.digest(self.key.as_pem(private=False), said.encode(), 'sha256'))}"

    def foreign(self, claims: dict[str, Any]) -> str:
        """Signed by a key of somebody else under our key's name."""
        other = RSAKey.generate_key(2048, {"kid": self.key.kid})
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, other)

    def with_own_header_key(self, claims: dict[str, Any]) -> str:
        """Signed by a key that the token brings along in its header."""
        own = ECKey.generate_key("P-256", {"kid": "mine"})
        header = {"alg": "ES256", "kid": "mine", "jwk": own.as_dict(private=False)}
        return jwt.encode(header, claims, own)

    async def _about(self, _request: web.Request) -> web.Response:
        self.asked.append("about")
        if self.told:
            return web.Response(text=self.told, content_type="application/json")
        return web.json_response(
            {
                "issuer": self.issuer_told or self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_response_iss_parameter_supported": self.names_itself,
            }
        )

    async def _keys(self, _request: web.Request) -> web.Response:
        self.asked.append("keys")
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append("token")
        typed = await request.post()
        asked = self.codes.pop(str(typed["code"]), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = request.headers.get("Authorization") == f"Basic {basic}"
        digest = hashlib.sha256(str(typed["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if not known or asked is None or asked["code_challenge"] != challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if asked["redirect_uri"] != typed["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.issuer, "sub": self.subject, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims = self.claims(claims | {"nonce": asked["nonce"]})
        return web.json_response({"id_token": (self.sign or self.signed)(claims), "token_type": "Bearer"})
