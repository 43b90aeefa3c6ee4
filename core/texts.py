"""Texts in the reader's language: catalogues, translation, formatting.

The English sentence in the code is the msgid; ``locale/zh_CN/*.po`` hold the Chinese, one file per package, merged at
start. A sentence with values is translated first and filled after, so that values never reach the catalogue.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter

from babel.messages.pofile import read_po

LOCALES = ("zh-CN", "en")
DEFAULT = "zh-CN"
CATALOGUES = Path(__file__).parent / "locale"


@cache
def catalogue(locale: str) -> Mapping[str, str]:
    """Every translated sentence of ``locale``, keyed by its English form; empty for English."""
    merged: dict[str, str] = {}
    for path in sorted((CATALOGUES / locale.replace("-", "_")).glob("*.po")):
        with path.open("rb") as file:
            for entry in read_po(file, locale=locale.replace("-", "_")):
                if entry.id and isinstance(entry.id, str) and entry.string and not entry.fuzzy:
                    merged[entry.id] = str(entry.string)
    return merged


def translate(locale: str, text: str, values: Mapping[str, object] | None = None) -> str:
    """Return ``text`` in ``locale`` with its ``{name}`` places filled. Unknown places stay as they are."""
    found = catalogue(locale).get(text, text) if text else ""
    return _Filler().vformat(found, (), values) if values else found


def msgid(text: str) -> str:
    """Mark ``text`` as a sentence of the catalogue that is translated where it is shown; returns it unchanged."""
    return text


class Texts:
    """The sentences of one language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale if locale in LOCALES else DEFAULT

    def __call__(self, text: str, **values: object) -> str:
        return translate(self.locale, text, values)

    def gettext(self, text: str) -> str:
        return translate(self.locale, text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Chinese has one form; English two."""
        return translate(self.locale, one if count == 1 and self.locale == "en" else many)


def choose(wanted: str | None, accept_language: str | None, default: str = DEFAULT) -> str:
    """Pick a language: the visitor's own choice, else the first of the browser's list we have, else the site's."""
    if wanted in LOCALES:
        return str(wanted)
    for item in (accept_language or "").split(",")[:8]:
        tag = item.split(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return default


class _Filler(Formatter):
    """``str.format`` for names only: no attributes or indexes are followed, a missing name stays visible."""

    def get_field(self, field_name: str, args: object, kwargs: Mapping[str, object]) -> tuple[object, str]:
        return kwargs.get(field_name, "{" + field_name + "}"), field_name
