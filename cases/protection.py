"""Protected and minor persons: why somebody is known by an alias, which one, who may read the real name, and who is
masked in copies of a recording. Pure.

MPS 75 and 76 (CPL 64): a witness, victim or expert who is in danger for testifying is named by an alias, and the real
name is kept in a volume of its own. Names of minors are told to those who handle the case alone (MPS 326, CPL 286).
"""

from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum

from cases.kinds import Kind, Role
from core.errors import Invalid
from people import veil
from people.permissions import Action, Relation, allowed
from people.principals import Principal

ADULT = 18


class Ground(StrEnum):
    """Why a name is not told."""

    DANGER = "danger"
    """In danger for testifying (MPS 75)."""
    PRIVACY = "privacy"
    """A victim whose private life must be spared."""
    SPECIAL_MEANS = "special_means"
    """Would give away how the police came to know something (CPL 154)."""
    MINOR = "minor"


class Source(StrEnum):
    """What the marking rests on."""

    OWN_REQUEST = "own_request"
    UNIT_DECISION = "unit_decision"
    """Approved by the head of the unit that handles the case."""
    PROCURATORATE_OR_COURT = "procuratorate_or_court"
    DOCUMENT = "document"
    """Of a minor: by the date of birth in a document."""
    STATEMENT = "statement"
    """Of a minor: by their own or the guardian's word."""


class Standing(StrEnum):
    """Whether the alias stands."""

    STANDING = "standing"
    ENDING = "ending"
    """Its end was asked for and waits for somebody else."""
    ENDED = "ended"


class Ending(StrEnum):
    """Why protection is to end."""

    OWN_WISH = "own_wish"
    DANGER_OVER = "danger_over"
    COURT_DECIDED = "court_decided"
    MISTAKE = "mistake"


class Purpose(StrEnum):
    """What somebody reads a real name for: enumerated, so that the ledger holds no free text."""

    IDENTITY = "identity"
    """To compare a document with the person."""
    SERVICE = "service"
    """To serve or send a paper."""
    SAFETY = "safety"
    """To protect the person."""
    COURT = "court"
    """For the procuratorate or the court."""
    CASE_FILE = "case_file"
    """To make up the secret volume of the case file."""


_FIRST: Mapping[bool, str] = {True: "未成年人", False: "化名"}
HELD_MINOR = _FIRST[True]
"""Stands for a minor in custody, who is never alone of that name in a session."""
_STEMS = "甲乙丙丁戊己庚辛壬癸"


def is_minor(born: date | None, on: date) -> bool:
    """Whether somebody has not completed the eighteenth year on a day; not when the date is unknown."""
    if born is None:
        return False
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day)) < ADULT


def next_alias(ground: Ground, taken: Collection[str]) -> str:
    """The first of 化名甲, 化名乙 … (of a minor 未成年人甲 …) that nobody of the case ever had."""
    first, number = _FIRST[ground is Ground.MINOR], 0
    while True:
        around, place = divmod(number, len(_STEMS))
        alias = f"{first}{_STEMS[place]}{around + 1 if around else ''}"
        if alias not in taken:
            return alias
        number += 1


def check_alias(alias: str, name: str, taken: Collection[str]) -> str:
    """Return an alias as chosen. Raises ``Invalid`` when it tells of the name, or somebody has it."""
    alias = alias.strip()
    chosen, real = veil.plain(alias), veil.plain(name)
    if not 2 <= len(chosen) <= 30 or not alias.isprintable():
        raise Invalid("alias", "Please choose an alias of two to thirty characters.", field="alias")
    if chosen in real or real in chosen or (chosen[0] == real[0] and len(real) < 5):
        raise Invalid("alias-tells", "This alias tells something of the name. Please choose another.", field="alias")
    if chosen in {veil.plain(other) for other in taken}:
        raise Invalid(
            "alias-taken", "Somebody in this case has this name or alias. Please choose another.", field="alias"
        )
    return alias


def check_marking(name: str, ground: Ground, source: Source, born: date | None, today: date) -> None:
    """Raise ``Invalid`` for what contradicts itself."""
    if len(veil.plain(name)) < 2:
        raise Invalid("name", "Please write the whole name: one character would stand in every text.", field="name")
    by_age = source in (Source.DOCUMENT, Source.STATEMENT)
    if (ground is Ground.MINOR) != by_age:
        raise Invalid(
            "source", "This does not fit the reason. Please choose what the marking rests on.", field="source"
        )
    if source is Source.DOCUMENT and born is None:
        raise Invalid("born", "Please give the date of birth that stands in the document.", field="born")
    if born is not None and not date(1900, 1, 1) <= born <= today:
        raise Invalid("born", "This cannot be a date of birth.", field="born")
    if ground is Ground.MINOR and born is not None and not is_minor(born, today):
        raise Invalid("not-minor", "By this date of birth the person is of age.", field="born")


def tells_name(principal: Principal, ground: Ground, held: Collection[Relation]) -> bool:
    """Whether pages tell somebody the real name beside the alias. Of protected persons nobody: they are asked for one
    by one, with a stated purpose (``Action.REVEAL_ALIAS``)."""
    return ground is Ground.MINOR and allowed(principal, Action.READ_MINOR_NAME, held)


def may_be_told(principal: Principal, held: Collection[Relation]) -> bool:
    """Whether there is any ground on which pages tell this viewer a real name."""
    return any(tells_name(principal, ground, held) for ground in Ground)


def tells_held_minor(principal: Principal, held: Collection[Relation]) -> bool:
    """Whether somebody is told the name of a minor in custody: case officers and prosecutors, and those who cannot do
    their part without it, the post that holds them and their own lawyer."""
    return allowed(principal, Action.READ_MINOR_NAME, held) or allowed(principal, Action.READ_HELD_MINOR_NAME, held)


def is_masked(kind: Kind, ground: Ground, role: Role) -> bool:
    """Whether face and voice are hidden in copies: of protected persons always, of minors as the kind says."""
    return ground is not Ground.MINOR or role in kind.masks_minors
