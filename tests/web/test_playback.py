"""Which bytes a Range header asks for."""

import pytest

from web.playback import span


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 100)),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-200", (90, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        ("bytes=5-4", (0, 100)),
        ("bytes=0-1,5-6", (0, 100)),
        ("bytes=-", (0, 100)),
        ("bytes=a-b", (0, 100)),
        ("bytes=²-", (0, 100)),
        ("lines=0-1", (0, 100)),
    ],
)
def test_range_is_the_bytes_asked_for(header: str | None, expected: tuple[int, int] | None) -> None:
    """One well-formed range is honoured, one outside is refused, anything else gives the whole."""
    assert span(header, 100) == expected
