"""One catalogue, complete: every sentence in code, templates and scripts has its Chinese."""

from pathlib import Path

import pytest
from markupsafe import Markup

from core import texts as catalogue
from scripts import texts
from web.rendering import Words


def test_every_sentence_is_translated() -> None:
    """Nothing is missing, fuzzy, empty, or has places in Chinese that English does not fill."""
    assert texts.problems() == []


@pytest.fixture
def fresh_catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A catalogue of two entries, one of them fuzzy."""
    (tmp_path / "web.po").write_text('msgid ""\nmsgstr ""\n\n#, fuzzy\nmsgid "Book"\nmsgstr "书"\n')
    monkeypatch.setattr(texts, "CATALOGUES", tmp_path)


def test_missing_and_fuzzy_sentences_are_found(fresh_catalogue: None) -> None:
    """The check can fail: an empty catalogue misses what pages say, a fuzzy entry is named."""
    wrong = texts.problems()
    assert any(line.endswith("Whom would you like to visit?") for line in wrong)
    assert "web.po: fuzzy: Book" in wrong


def test_marked_up_value_keeps_the_sentence_escaped() -> None:
    """A time element goes into a sentence as it is; everything around it stays text."""
    words = Words("en")
    said = words("<b> {when} {who}", when=Markup("<time>14:00</time>"), who="<i>")
    assert said == "&lt;b&gt; <time>14:00</time> &lt;i&gt;"
    assert catalogue.translate("en", "{who}", {"who": "x"}) == "x"
