"""What stands under each picture of a composed file: role, and the name or an alias as policy allows. Pure.

Who acts in an office is named; everybody else is written as in a published document, by family name alone (张某某). Who
is protected or a minor is written by their alias, from which not even that can be read; beside them nobody's family
name is written, for a guardian's is theirs too (decision 0086). Whoever makes one by hand may say otherwise.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from people.veil import NOTHING, Veil

ROLES: Mapping[str, str] = {
    "officer": "办案民警 Officer",
    "cooperating_officer": "协作民警 Co-operating officer",
    "duty_officer": "值班民警 Duty officer",
    "lawyer": "律师 Lawyer",
    "detainee": "被讯问人 Person questioned",
    "witness": "证人 Witness",
    "victim": "被害人 Victim",
    "guardian": "法定代理人 Guardian",
    "interpreter": "翻译 Interpreter",
    "operator": "操作员 Operator",
    "synthetic": "演练 Rehearsal",
    "host": "主持 Host",
    "party": "参加人 Party",
    "guest": "来宾 Guest",
    "room": "房间 Room",
    "post": "值班 Post",
}
"""What is written of a role; any other is written as it is."""
NAMED = frozenset({"officer", "cooperating_officer", "duty_officer", "lawyer", "interpreter", "operator", "synthetic"})
"""Roles in which somebody acts in an office, and is named."""
WIDE = "全景 Wide"
CLOSE = "近景 Close"
SCREEN = "共享屏幕 Shared screen"
NO_PICTURE = "没有画面 No picture"


def role_words(role: str) -> str:
    return ROLES.get(role, role)


def short(words: str) -> str:
    """The same without the English of roles and places, for a tile that is too narrow for both."""
    for text in (*ROLES.values(), WIDE, CLOSE, SCREEN, NO_PICTURE):
        chinese, _, english = text.partition(" ")
        words = words.replace(f"{chinese} {english}", chinese)
    return words


def alias(name: str) -> str:
    """The family name and nothing else: 张某某, ``Z. ×``. Empty for no name."""
    first = name.strip()[:1]
    if not first:
        return ""
    return f"{first}某某" if "\u4e00" <= first <= "\u9fff" else f"{first.upper()}. ×"


def present(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Role and name of everybody named at each endpoint in the end, from the session's log."""
    return {endpoint: list(here.values()) for endpoint, here in _named(entries, forgetting=True).items() if here}


def ever_present(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Role and name of everybody who was named at each endpoint at any time."""
    return {endpoint: list(here.values()) for endpoint, here in _named(entries, forgetting=False).items()}


def _named(entries: Iterable[Mapping[str, Any]], *, forgetting: bool) -> dict[str, dict[str, tuple[str, str]]]:
    present: dict[str, dict[str, tuple[str, str]]] = {}
    for entry in entries:
        public, private = entry["public"], entry.get("private") or {}
        if public.get("event") == "person":
            here = present.setdefault(str(public.get("endpoint")), {})
            here[str(public.get("present"))] = (str(public.get("role", "")), str(private.get("name", "")))
        elif public.get("event") == "person-dropped" and forgetting:
            for here in present.values():
                here.pop(str(public.get("present")), None)
    return present


def labels(entries: Sequence[Mapping[str, Any]], veil: Veil = NOTHING) -> dict[str, str]:
    """Words per endpoint: everybody named there in the end, grouped by role."""
    ever = {veil.name(name) for here in ever_present(entries).values() for _, name in here}
    aliases = frozenset(veil.aliases.values())
    by_family = alias if aliases.isdisjoint(ever) else _nothing
    return {endpoint: _words(here, veil, aliases, by_family) for endpoint, here in present(entries).items()}


def _nothing(_name: str) -> str:
    return ""


def _words(
    persons: Iterable[tuple[str, str]], veil: Veil, aliases: frozenset[str], by_family: Callable[[str], str]
) -> str:
    by_role: dict[str, list[str]] = {}
    for role, name in persons:
        shown = veil.name(name)
        if role not in NAMED and shown not in aliases:
            shown = by_family(shown)
        here = by_role.setdefault(role, [])
        if shown and shown not in here:
            here.append(shown)
    return "  ".join(f"{role_words(role)} {'、'.join(names)}".rstrip() for role, names in by_role.items())
