"""The page about permissions says what the table says."""

from people import generate
from people.permissions import Action
from people.principals import Role


def test_the_page_in_the_repository_is_current():
    """Whoever changes the table generates the page."""
    assert generate.TARGET.read_text(encoding="utf-8") == generate.document()


def test_the_page_leaves_nothing_out():
    """Every act and every role has its line."""
    page = generate.document()
    for action in Action:
        assert f"| {action.replace('_', ' ')}" in page
    for role in Role:
        assert f"**{role.replace('_', ' ')}**" in page
