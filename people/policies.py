"""What an address asks of whoever comes to it: the type of which ``web`` and ``signaling`` hold one table each.

A policy is the coarse half of a permission: which kinds of principals may knock, and which actions one of their roles
must hold for some object. The fine half, the relation to the object at hand, is asked by the use case.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import Denied
from people.permissions import TABLE, Action
from people.principals import Principal, PrincipalKind, Role

_ACCOUNT: frozenset[PrincipalKind] = frozenset({"account"})


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may knock at an address."""

    actions: tuple[Action, ...] = ()
    """One of them is asked for; none means everybody of ``kinds``, each for what is their own."""
    of: str = ""
    """The kind of object the address names, to which a relation is asked; empty where it names none."""
    also: Action | None = None
    """Asked for beside them."""
    kinds: frozenset[PrincipalKind] = _ACCOUNT
    open: str = ""
    """Why nobody is asked who they are; empty where they are."""


Policies = Mapping[tuple[str, str], Policy]
"""By method and pattern of the address."""


_CLOSED = ("not-allowed", "This is not open to you. If you need it for your work, ask your administrator.")
_SIGNED_OUT = ("signed-out", "You are not signed in, or were signed out. Please sign in again.")
_UNKNOWN: Mapping[frozenset[PrincipalKind], tuple[str, str]] = {
    frozenset({"guest"}): ("guest-unknown", "Please open the link of your invitation first."),
    frozenset({"terminal"}): ("not-paired", "This device is not paired to a room."),
    frozenset({"token"}): ("sign-in", "Please send a valid token of a system."),
}
"""What somebody unknown is told where only guests, terminals or tokens come."""


def refusal(policy: Policy | None, principal: Principal | None) -> Denied | None:
    """Why the address is closed to ``principal`` whatever object it names; an address without a policy is closed."""
    if policy is None:
        return Denied(*_CLOSED)
    if policy.open:
        return None
    if principal is None:
        return Denied(*_UNKNOWN.get(policy.kinds, _SIGNED_OUT))
    if principal.kind not in policy.kinds:
        return Denied("not-an-account", "This page is for people with an account.")
    held = {action for role in principal.roles for action in TABLE.get(Role(role), {})}
    if (policy.actions and held.isdisjoint(policy.actions)) or policy.also not in (None, *held):
        return Denied(*_CLOSED)
    return None
