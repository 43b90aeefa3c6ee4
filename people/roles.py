"""Which roles a tree has. Pure: nobody holds, and nobody grants, a role of another tree."""

from collections.abc import Mapping

from core.errors import Denied, Invalid
from people.principals import Principal, Role, Tree

_EVERY = (Role.ADMINISTRATOR, Role.SECURITY)
"""What every tree has of its own."""

ROLES_OF: Mapping[Tree, frozenset[Role]] = {
    Tree.POLICE: frozenset({Role.OFFICER, Role.DUTY_OFFICER, Role.REVIEWER, Role.INSPECTOR, Role.INTERPRETER, *_EVERY}),
    Tree.PROCURATORATE: frozenset({Role.PROSECUTOR, Role.INTERPRETER, *_EVERY}),
    Tree.COURT: frozenset({Role.JUDGE, Role.CLERK, Role.INTERPRETER, *_EVERY}),
    Tree.JUSTICE: frozenset({Role.LAWYER, Role.INTERPRETER, *_EVERY}),
}

PLACED = frozenset({Role.DUTY_OFFICER})
"""Roles held at a facility."""


def check_grant(role: str, tree: str, facility: str | None) -> Role:
    """Return the role when somebody of ``tree`` may hold it at ``facility``; raise ``Invalid`` otherwise."""
    try:
        wanted, of = Role(role), Tree(tree)
    except ValueError:
        raise Invalid("role-unknown", "There is no such role.", field="role") from None
    if wanted not in ROLES_OF[of]:
        raise Invalid("role-of-another-tree", "This role belongs to another authority.", field="role")
    if (wanted in PLACED) != (facility is not None):
        raise Invalid("role-place", "A duty officer is named for one facility, other roles for none.", field="facility")
    return wanted


def check_granter(granter: Principal, person: str, tree: str) -> None:
    """Raise ``Denied`` when ``granter`` would act on themselves or reach into another tree."""
    if granter.id == person:
        raise Denied("own-role", "Nobody changes their own roles. Ask another administrator.")
    if granter.tree != tree:
        raise Denied("another-tree", "This person belongs to another authority and its administrators.")
