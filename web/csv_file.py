"""Lists as CSV for spreadsheets, in which no cell can become a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from aiohttp import web

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARK = "\ufeff"
"""Spreadsheets read UTF-8 only when the file begins with it."""


def safe(value: object) -> str:
    """The cell as text; one that a spreadsheet would calculate is quoted by an apostrophe."""
    text = "" if value is None else str(value).replace("\x00", "")
    return "'" + text if text.lstrip(" \u3000\ufeff").startswith(_STARTS) or text.startswith(_STARTS) else text


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The file's text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe(cell) for cell in head])
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return _MARK + out.getvalue()


def csv_response(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> web.Response:
    """A download called ``name``, which tells nothing of anybody."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return web.Response(text=csv_text(head, rows), content_type="text/csv", charset="utf-8", headers=headers)
