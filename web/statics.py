"""Static files: read once, compressed once, served below a directory named after their common hash.

Because the hash is a directory, relative imports of scripts and ``url()`` of style sheets stay inside it and are
cached for ever with their parents. The same files without the directory, or below one of an older release, are
served with a validator instead.
"""

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from aiohttp import web

from core.texts import LOCALES, catalogue

ROOT = Path(__file__).parent / "static"
SUFFIXES = frozenset({".css", ".js", ".mjs", ".svg", ".png", ".ico", ".webmanifest", ".txt", ".html"})
_COMPRESSED = frozenset({".css", ".js", ".mjs", ".svg", ".webmanifest", ".txt", ".html"})
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class File:
    """One file as it goes over the wire."""

    body: bytes
    gzipped: bytes | None
    content_type: str
    etag: str


class Statics:
    """All static files of the product, and the addresses they are found at."""

    def __init__(self, root: Path = ROOT) -> None:
        self._files = {name: _file(name, body) for name, body in sorted(_bodies(root).items())}
        whole = hashlib.sha256("\n".join(f"{name} {file.etag}" for name, file in self._files.items()).encode())
        self.version = "v" + whole.hexdigest()[:12]

    def address(self, name: str) -> str:
        """The address of ``name`` (such as ``css/base.css``) in this release."""
        if name not in self._files:
            raise KeyError(f"no static file {name}")
        return f"/static/{self.version}/{name}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``GET /static/[v<hash>/]<name>``."""
        name, cache = request.match_info["path"], "no-cache"
        first, _, rest = name.partition("/")
        if first == self.version:
            name, cache = rest, _FOR_EVER
        elif first.startswith("v") and name not in self._files:
            name = rest
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": cache, "ETag": f'"{file.etag}"', "Vary": "Accept-Encoding"}
        if file.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        body = file.body
        if file.gzipped is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = file.gzipped, "gzip"
        charset = "utf-8" if file.content_type.startswith("text/") else None
        return web.Response(body=body, headers=headers, content_type=file.content_type, charset=charset)


@cache
def shipped() -> Statics:
    """The files as they were when this process first asked."""
    return Statics()


def _bodies(root: Path) -> dict[str, bytes]:
    found = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix in SUFFIXES
    }
    scripts = b"\n".join(body for name, body in found.items() if name.startswith("js/")).decode()
    return found | {f"texts/{locale}.js": script_texts(locale, scripts).encode() for locale in LOCALES}


@cache
def _file(name: str, body: bytes) -> File:
    suffix = Path(name).suffix
    content_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    gzipped = gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSED and len(body) > 512 else None
    return File(body, gzipped, content_type, hashlib.sha256(body).hexdigest()[:16])


def script_texts(locale: str, scripts: str) -> str:
    """What ``scripts`` say, in ``locale``, as an ES module whose default export maps English to translation.

    Whichever catalogue a sentence stands in; it counts as said when it stands in the scripts between quotes.
    """
    said = {english: text for english, text in catalogue(locale).items() if _is_said(english, scripts)}
    return f"export default {json.dumps(said, ensure_ascii=False, sort_keys=True)};\n"


def _is_said(sentence: str, scripts: str) -> bool:
    return any(f"{quote}{sentence}{quote}" in scripts for quote in "\"'`")
