"""Which main pages somebody is offered: only those they can use, at most five."""

from dataclasses import dataclass

from core.texts import msgid as m
from people.principals import Principal
from web.words import icon


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the main navigation."""

    label: str
    """msgid"""
    address: str
    symbol: str
    roles: frozenset[str]
    below: tuple[str, ...] = ()
    """Further beginnings of addresses that belong to this entry."""
    tree: str = ""
    """Only for those of this tree."""

    def is_here(self, path: str) -> bool:
        """Whether ``path`` is this page or one below it."""
        if self.address == "/":
            return path == "/"
        return path == self.address or path.startswith((self.address + "/", *self.below))


_BOOKING = frozenset({"officer", "lawyer"})
_ITEMS = (
    Item(
        m("My sessions"), "/", "house", frozenset({"officer", "lawyer", "interpreter", "prosecutor", "judge", "clerk"})
    ),
    Item(m("Book"), "/book", icon("calendar-plus"), _BOOKING),
    Item(m("Day list"), "/day", icon("list-check"), frozenset({"duty_officer"})),
    Item(m("Terminals"), "/terminals", icon("display"), frozenset({"duty_officer", "inspector"})),
    Item(m("Filed recordings"), "/filed", icon("archive"), frozenset({"lawyer"})),
    Item(m("Records"), "/records", icon("journal-text"), frozenset({"officer", "reviewer", "inspector"})),
    Item(m("Kept apart"), "/apart", icon("shield-check"), frozenset({"officer", "duty_officer"})),
    Item(m("Protected persons"), "/protected", icon("shield-lock"), frozenset({"officer", "reviewer"})),
    Item(m("People and roles"), "/people", icon("people"), frozenset({"administrator", "security"})),
    Item(m("Ledger"), "/ledger", icon("journal"), frozenset({"reviewer", "inspector", "administrator", "security"})),
    Item(m("The 48 hours"), "/clocks", icon("clock-history"), frozenset({"prosecutor"})),
    Item(m("Urgent uses"), "/urgent", icon("lightning"), frozenset({"reviewer", "inspector"})),
    Item(
        m("Statistics"),
        "/statistics",
        icon("calendar2-week"),
        frozenset({"administrator", "reviewer", "inspector"}),
        tree="police",
    ),
    Item(
        m("Facilities"),
        "/facilities",
        icon("building"),
        frozenset({"administrator"}),
        ("/rooms/", "/rules", "/working-days"),
    ),
    Item(m("Duty lawyers"), "/counsel", icon("briefcase"), frozenset({"administrator"}), tree="justice"),
    Item(m("Other systems"), "/systems", icon("broadcast"), frozenset({"administrator"})),
)


def navigation(principal: Principal | None) -> list[Item]:
    """The entries ``principal`` is offered, in their fixed order; none for guests and visitors."""
    if principal is None or principal.kind != "account":
        return []
    return [i for i in _ITEMS if i.roles & principal.roles and i.tree in ("", principal.tree)]


def first_page(principal: Principal) -> str:
    """Where somebody begins after signing in."""
    items = navigation(principal)
    return items[0].address if items else "/"
