"""SECURITY.md names tests and places that exist: a table that points at nothing would prove nothing."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
_PLACES = "tests|core|people|cases|scheduler|signaling|web|scripts|deploy|docs"
NAMED = sorted(set(re.findall(rf"`((?:{_PLACES})/[^`\s]*)`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_is_there(name: str) -> None:
    """Every file and directory in backticks."""
    assert (ROOT / name).exists()


def test_every_named_test_file_holds_tests() -> None:
    """Not an empty shell by the right name."""
    for name in NAMED:
        if name.startswith("tests/") and name.endswith(".py"):
            assert re.search(r"^(async )?def test_", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE), name


def test_every_lesson_of_others_is_an_attack_on_the_list() -> None:
    """The names in the table of lessons are attacks that are run."""
    lessons = PAGE.split("## Lessons of others")[1]
    attacks = (ROOT / "tests" / "attacks" / "test_attacks.py").read_text(encoding="utf-8")
    named = [word for word in re.findall(r"`([a-z_]+)`", lessons) if "_" in word]
    assert len(named) >= 7
    for name in named:
        assert re.search(rf"@attack\(.*\)\nasync def {name}\(", attacks), name


def test_every_item_has_a_place_and_a_test() -> None:
    """A row of the ASVS table without a test says so with a dash; there is one, and it is told below the table."""
    rows = [line.split("|")[1:-1] for line in PAGE.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) > 30
    without = [row[0].strip() for row in rows if row[3].strip() == "–"]
    assert without == ["6.2.12"]
