"""Sentences are found in the reader's language and filled afterwards, safely."""

import pytest

from core.texts import Texts, catalogue, choose, translate


def test_a_known_sentence_is_translated():
    """Chinese comes from the catalogue, English is the msgid itself."""
    msgid = "Please sign in first."
    assert translate("en", msgid) == msgid
    assert translate("zh-CN", msgid) != msgid


def test_an_unknown_sentence_stays_readable():
    """Missing in the catalogue, the English sentence is shown."""
    assert translate("zh-CN", "No such sentence {n}.", {"n": 1}) == "No such sentence 1."


def test_values_are_filled_by_name_only():
    """Attributes and indexes of values are never followed; an unknown place stays visible."""
    said = translate("en", "{a} {a.__class__} {a[0]} {b}", {"a": "x"})
    assert said == "x {a.__class__} {a[0]} {b}"


def test_values_are_never_templates():
    """Braces in a value are text."""
    assert translate("en", "Hello {name}", {"name": "{other}", "other": "no"}) == "Hello {other}"


@pytest.mark.parametrize(
    ("wanted", "header", "chosen"),
    [
        ("en", "zh-CN", "en"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "zh-TW", "zh-CN"),
        (None, "fr, en", "en"),
        (None, "fr", "zh-CN"),
        (None, None, "zh-CN"),
        ("xx", "", "zh-CN"),
        (None, ",;,," * 1000, "zh-CN"),
    ],
)
def test_the_language_is_chosen(wanted, header, chosen):
    """Own choice, then the browser's first that we have, then the site's."""
    assert choose(wanted, header) == chosen


def test_chinese_has_one_form_and_english_two():
    """Counts choose the form by language."""
    assert Texts("en").ngettext("one", "many", 1) == "one"
    assert Texts("en").ngettext("one", "many", 2) == "many"
    assert Texts("zh-CN").ngettext("one", "many", 1) == "many"


def test_the_places_of_a_translation_are_those_of_the_sentence():
    """No translation invents or loses a value."""
    from string import Formatter

    def places(text):
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    for msgid, said in catalogue("zh-CN").items():
        assert places(said) == places(msgid), msgid
