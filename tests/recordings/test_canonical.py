"""Canonical JSON as RFC 8785 writes it."""

from datetime import UTC, datetime

import pytest

from recordings import canonical as canonical_module
from recordings.canonical import canonical, parse_instant, plain
from recordings.verdicts import Verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (1.5, "1.5"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
        (1e-6, "0.000001"), (1e-7, "1e-7"), (9007199254740993.0, "9007199254740992"),
        (333333333.33333329, "333333333.3333333"),
        (4.5, "4.5"), (2e-3, "0.002"), (1e30, "1e+30"), (1.2e-8, "1.2e-8"), (-0.1, "-0.1"), (123456.0, "123456"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_ecmascript_does(value, text):
    """The RFC's own samples of numbers come out as it prints them."""
    assert canonical(value) == text.encode()


def test_members_are_sorted_by_utf16_units():
    """A character beyond the basic plane sorts by its surrogates, before U+FB33."""
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()


def test_strings_escape_only_what_must_be():
    """Control characters, quote and backslash are escaped, everything else is itself."""
    assert canonical('é\n"\\\u0007/张') == '"é\\n\\"\\\\\\u0007/张"'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**54, "\ud800", object()])
def test_what_json_cannot_hold_is_refused(value):
    """Not-a-number, unsafe integers, lone surrogates and objects raise."""
    with pytest.raises(ValueError):
        canonical(value)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": [True, None, -(2**53), "é\n\"\\\u0007\u007f/张\U0001f600"], "": {}},
        {"z": {"y": [[]], "x": {"10": 1, "9": 2}}, "A": 2**53},
        "text", 7, [], {}, None, False,
    ],
)  # fmt: skip
def test_the_fast_way_writes_the_same(value):
    """What Python's own encoder is trusted with, it writes as the long way does."""
    assert canonical_module._is_simple(value)
    assert canonical(value) == canonical_module._write(value).encode()


@pytest.mark.parametrize("value", [1.5, 2**53 + 1, {"é": 1}, [{"a": 0.0}], (1,), {1: 2}, {"a": Verdict.INTACT}])
def test_the_rest_goes_the_long_way(value):
    """Fractions, large integers, names beyond ASCII and whatever is not plain JSON are not for the fast way."""
    assert not canonical_module._is_simple(value)


def test_instants_keep_their_zone():
    """An instant is written in UTC with milliseconds and reads back."""
    at = datetime(2026, 11, 21, 9, 30, 0, 125000, tzinfo=UTC)
    assert plain({"at": at}) == {"at": "2026-11-21T09:30:00.125Z"}
    assert parse_instant("2026-11-21T09:30:00.125Z") == at


def test_an_object_in_a_record_is_refused():
    """Nothing enters a record by its repr."""
    with pytest.raises(ValueError):
        plain({"who": object()})
