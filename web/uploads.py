"""Forms that carry one file: read part by part, each with a limit, the file by its content and never by its name."""

from aiohttp import BodyPartReader, web

from core.errors import Invalid
from web.forms import Form

MOST_PARTS = 40
LONGEST_FIELD = 8 * 1024
_UNREADABLE = "The form could not be read. Please go back and try again."


async def form_with_file(request: web.Request, name: str, largest: int) -> tuple[Form, bytes | None]:
    """The fields of a ``multipart/form-data`` form and the content of file ``name``, ``None`` when none was chosen.

    Raises ``Invalid`` for a form that cannot be read and a file above ``largest`` bytes.
    """
    values: dict[str, list[str]] = {}
    content: bytes | None = None
    try:
        reader = await request.multipart()
        for _ in range(MOST_PARTS):
            part = await reader.next()
            if part is None:
                return Form(values), content or None
            if not isinstance(part, BodyPartReader) or part.name is None:
                break
            if part.name == name:
                content = await _limited(part, largest)
            else:
                text = (await _limited(part, LONGEST_FIELD)).decode("utf-8")
                values.setdefault(part.name, []).append(text.replace("\x00", ""))
    except (ValueError, AssertionError, LookupError, RuntimeError):  # what aiohttp says of a broken body
        pass
    raise Invalid("form-unreadable", _UNREADABLE)


def handed_in(body: bytes, media_type: str, *, shown: bool) -> web.Response:
    """A file somebody handed in, under no name of theirs and never run: ``shown`` when a virus scanner found it clean,
    else only saved."""
    ending = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}[media_type]
    headers = {
        "Content-Disposition": "inline" if shown else f'attachment; filename="paper.{ending}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return web.Response(body=body, content_type=media_type, headers=headers)


async def _limited(part: BodyPartReader, largest: int) -> bytes:
    found = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        found += chunk
        if len(found) > largest:
            raise Invalid("too-large", "The file is too large: at most 10 MB.", field=part.name)
    return bytes(found)
