"""Addresses as an operator writes them."""

import pytest

from core.errors import OperatorError
from media.config import parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", None)),
        ("192.0.2.1:5", ("192.0.2.1", 5)),
        ("fd00::1", ("fd00::1", None)),
        ("[fd00::1]", ("fd00::1", None)),
        ("[fd00::1]:5", ("fd00::1", 5)),
    ],
)
def test_addresses_are_read(text: str, expected: tuple[str, int | None]) -> None:
    """IPv4 and IPv6, with and without a port."""
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", "example.org", "192.0.2.1:0", "192.0.2.1:70000", "192.0.2.1:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Names and impossible ports stop the start."""
    with pytest.raises(OperatorError):
        parse_address(text)
