"""How a phone comes to trust a site on the LAN that has a certificate authority of its own."""

import hashlib
import ssl
from pathlib import Path

from aiohttp import web

from web.context import context
from web.rendering import page


def _authority(request: web.Request) -> Path:
    """The authority's certificate; 404 where the site has none of its own."""
    path = context(request).settings.data_dir / "tls" / "ca.crt"
    if not path.is_file():
        raise web.HTTPNotFound
    return path


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /trust``."""
    certificate = ssl.PEM_cert_to_DER_cert(_authority(request).read_text(encoding="ascii"))
    digest = hashlib.sha256(certificate).hexdigest().upper()
    fingerprint = " ".join(digest[n : n + 4] for n in range(0, len(digest), 4))
    return page(request, "trust/trust.html", fingerprint=fingerprint)


async def certificate(request: web.Request) -> web.StreamResponse:
    """``GET /trust/ca.crt``: as phones install it."""
    headers = {"Content-Disposition": 'attachment; filename="yuanjian-ca.crt"'}
    return web.Response(
        body=_authority(request).read_bytes(), content_type="application/x-x509-ca-cert", headers=headers
    )


def routes() -> list[web.RouteDef]:
    return [web.get("/trust", show), web.get("/trust/ca.crt", certificate)]
