"""Who may grant at all: never oneself, never in another tree."""

import pytest

from core.errors import Denied
from people.principals import Principal, Tree
from people.roles import check_granter

ADMINISTRATOR = Principal("account", "a" * 22, "甲", frozenset({"administrator"}), tree=Tree.POLICE.value)


def test_a_granter_stays_in_the_own_tree():
    """Each other tree is refused, whatever else would refuse it too."""
    check_granter(ADMINISTRATOR, "b" * 22, Tree.POLICE.value)
    for tree in set(Tree) - {Tree.POLICE}:
        with pytest.raises(Denied, match="another-tree"):
            check_granter(ADMINISTRATOR, "b" * 22, tree.value)


def test_nobody_grants_to_themselves():
    """Not even an administrator in the own tree."""
    with pytest.raises(Denied, match="own-role"):
        check_granter(ADMINISTRATOR, ADMINISTRATOR.id, Tree.POLICE.value)
