"""How long a recording is kept, and who may end that. Pure; a refusal is a value with its reason.

The years are practice, not law, and are confirmed by each deployment; what no table can shorten is: never under a
legal hold, never before the case ends, never by one person alone, never by two of the case's own unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long after its end a kind of recording is kept at least."""

    least: timedelta
    by_itself: bool = False
    """Goes when its time is over, without a request: only what was never evidence."""


KEEPING: Mapping[str, Keeping] = {
    "rehearsal": Keeping(timedelta(hours=24), by_itself=True),
    "visit": Keeping(3 * _YEAR),
    "report": Keeping(3 * _YEAR),
}
DEFAULT = Keeping(10 * _YEAR)

HOLD_REASONS = ("court-order", "complaint", "appeal", "inspection", "other-case")
LIFT_REASONS = ("order-ended", "decision-final", "placed-in-error")
REASONS = ("term-over", "court-order", "made-in-error", "review", "court-request", "defence-request")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a recording when its end is asked for."""

    kind: str
    ended: datetime
    holds: int
    case_ended: bool


@dataclass(frozen=True, slots=True)
class Decider:
    """One of the two persons."""

    person: str
    unit: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not: a stable word and a sentence of the catalogue."""

    rule: str
    text: str


def keeping_of(kind: str) -> Keeping:
    return KEEPING.get(kind, DEFAULT)


def kept_until(kind: str, ended: datetime) -> datetime:
    """Until when it is kept at least, whatever else is decided."""
    return ended + keeping_of(kind).least


def may_destroy(kept: Kept, now: datetime) -> Refused | None:
    """Whether a recording may be destroyed at all now, whoever asks."""
    if kept.holds:
        return Refused("legal-hold", "This recording is under a legal hold and is kept until it is lifted.")
    if not kept.case_ended:
        return Refused("case-open", "The case is not over; until then its recordings are kept.")
    if now < kept_until(kept.kind, kept.ended):
        return Refused("term-running", "The time for which this recording must be kept is not over.")
    return None


def may_decide(asked: Decider, decides: Decider, case_unit: str) -> Refused | None:
    """Whether ``decides`` may approve what ``asked`` wants: two persons, one from outside the case's unit."""
    if asked.person == decides.person:
        return Refused("second-person", "Somebody else has to approve what you asked for.")
    if asked.unit == case_unit == decides.unit:
        return Refused("outside-unit", "One of the two has to be from outside the unit that handles the case.")
    return None


def goes_by_itself(kept: Kept, now: datetime) -> bool:
    """Whether a recording is removed without anybody asking."""
    return keeping_of(kept.kind).by_itself and may_destroy(kept, now) is None
