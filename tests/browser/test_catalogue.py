"""Every sentence of the scripts exists in Chinese, with the same places to fill."""

import re
from pathlib import Path

from babel.messages.pofile import read_po

from core.texts import catalogue
from scripts.texts import sentences_of

ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = re.compile(r'\bt\(\s*"((?:[^"\\]|\\.)*)"')
_PLACE = re.compile(r"\{\w+\}")


def _used() -> set[str]:
    scripts = [path.read_text() for path in (ROOT / "web/static/js").glob("*.js")]
    pages = [path for name in ("live", "terminal") for path in (ROOT / "web/templates" / name).glob("*.html")]
    found = {match for text in scripts for match in _SCRIPT.findall(text)}
    return found | {text for path in pages for text in sentences_of(path)}


def _catalogue() -> dict[str, str]:
    with (ROOT / "core/locale/zh_CN/browser.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, locale="zh_CN") if one.id and not one.fuzzy}


def test_every_sentence_is_translated() -> None:
    """Nothing on the live page or the terminal falls back to English."""
    assert {text for text in _used() if text not in catalogue("zh-CN")} == set()


def test_no_sentence_is_left_over() -> None:
    """A sentence that no script says any more leaves the catalogue."""
    assert set(_catalogue()) - _used() == set()


def test_places_are_kept() -> None:
    """A translation fills the same places as the English sentence."""
    wrong = [one for one, other in _catalogue().items() if sorted(_PLACE.findall(one)) != sorted(_PLACE.findall(other))]
    assert wrong == []
