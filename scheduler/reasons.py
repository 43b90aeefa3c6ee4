"""Why a booking did not stand: enumerated words, each with a sentence and, for a no-show, whose cause it was."""

from enum import StrEnum


class Declined(StrEnum):
    """The facility could not confirm."""

    PAPERS = "papers"
    NO_CAPACITY = "no-capacity"
    CLOSED = "closed"
    ILL = "ill"
    COURT = "court"
    NOT_HERE = "not-here"
    PERMIT = "permit"


class Cancelled(StrEnum):
    """Somebody gave the window back."""

    OTHER_TIME = "other-time"
    NOT_NEEDED = "not-needed"
    ILL = "ill"
    COURT = "court"
    TRANSFERRED = "transferred"
    RELEASED = "released"
    ROOM = "room"
    DEVICE = "device"
    MANDATE_ENDED = "mandate-ended"


class NoShow(StrEnum):
    """It was confirmed and did not take place."""

    LAWYER = "lawyer"
    OFFICER = "officer"
    GUEST = "guest"
    NOT_BROUGHT = "not-brought"
    ILL = "ill"
    COURT = "court"
    TRANSFERRED = "transferred"
    DEVICE = "device"
    POWER = "power"
    REFUSED = "refused"
    """The client refused, and said so to the lawyer on screen or signed it."""


class Owner(StrEnum):
    """Whose cause a no-show was. Only the lawyer's own count for a lawyer."""

    LAWYER = "lawyer"
    OFFICER = "officer"
    GUEST = "guest"
    FACILITY = "facility"
    CLIENT = "client"
    COURT = "court"
    PLATFORM = "platform"


NO_CAPACITY_TEXT = "No room or escort at that time"
DECLINED_TEXT: dict[Declined, str] = {
    Declined.PAPERS: "A paper is missing",
    Declined.CLOSED: "The facility is closed at that time",
    Declined.ILL: "The client is ill",
    Declined.COURT: "The client is at court",
    Declined.NOT_HERE: "The client is not held here",
    Declined.PERMIT: "A permit is needed first",
}
"""Offered to the post; lack of room is no answer to a visit (LV-1) and not among them."""
CANCELLED_TEXT: dict[Cancelled, str] = {
    Cancelled.OTHER_TIME: "Another time is better",
    Cancelled.NOT_NEEDED: "No longer needed",
    Cancelled.ILL: "Somebody is ill",
    Cancelled.COURT: "A court date came between",
    Cancelled.TRANSFERRED: "The person was transferred",
    Cancelled.RELEASED: "The person was released",
    Cancelled.ROOM: "The room cannot be used",
    Cancelled.DEVICE: "A device has failed",
    Cancelled.MANDATE_ENDED: "The mandate has ended",
}
NO_SHOW_TEXT: dict[NoShow, str] = {
    NoShow.LAWYER: "The lawyer did not come",
    NoShow.OFFICER: "The officers did not come",
    NoShow.GUEST: "The invited person did not come",
    NoShow.NOT_BROUGHT: "The person was not brought",
    NoShow.ILL: "The person was ill",
    NoShow.COURT: "The person was at court",
    NoShow.TRANSFERRED: "The person had been transferred",
    NoShow.DEVICE: "A device failed",
    NoShow.POWER: "Power or network failed",
    NoShow.REFUSED: "The client refused and said so",
}
OWNER: dict[NoShow, Owner] = {
    NoShow.LAWYER: Owner.LAWYER,
    NoShow.OFFICER: Owner.OFFICER,
    NoShow.GUEST: Owner.GUEST,
    NoShow.NOT_BROUGHT: Owner.FACILITY,
    NoShow.ILL: Owner.CLIENT,
    NoShow.COURT: Owner.COURT,
    NoShow.TRANSFERRED: Owner.FACILITY,
    NoShow.DEVICE: Owner.PLATFORM,
    NoShow.POWER: Owner.FACILITY,
    NoShow.REFUSED: Owner.CLIENT,
}
OWNER_TEXT: dict[Owner, str] = {
    Owner.LAWYER: "Cause: lawyer",
    Owner.OFFICER: "Cause: officers",
    Owner.GUEST: "Cause: invited person",
    Owner.FACILITY: "Cause: facility",
    Owner.CLIENT: "Cause: client",
    Owner.COURT: "Cause: court",
    Owner.PLATFORM: "Cause: platform",
}
REASON_TEXT: dict[str, str] = {
    **{r.value: t for r, t in NO_SHOW_TEXT.items()},
    **{r.value: t for r, t in CANCELLED_TEXT.items()},
    **{r.value: t for r, t in DECLINED_TEXT.items()},
    Declined.NO_CAPACITY.value: NO_CAPACITY_TEXT,
}
"""Sentence of a stored word where the act it belongs to does not matter."""
STATE_TEXT: dict[str, str] = {
    "requested": "Waiting for the facility",
    "confirmed": "Confirmed",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "cancelled": "Cancelled",
    "done": "Took place",
    "no_show": "Did not take place",
}
"""msgid of each state as people read it."""
STEP_TEXT: dict[str, str] = {
    "brought": "Brought",
    "identity_checked": "Identity checked",
    "escort_left": "Escort has left",
    "returned": "Returned",
}

WHY_TEXT: dict[str, str] = {
    "transferred": "The person is now held elsewhere. Please choose a new time there.",
    "released": "The person has been released. Please cancel or arrange it differently.",
    "outside": "The person is away from the facility for now. Please choose a later time.",
    "ill": "The person is ill. Please choose a later time.",
    "court": "The person is at court then. Please choose another time.",
    "device": "A device of the room has failed. Please choose another room or time.",
    "room": "The room cannot be used then. Please choose another room or time.",
    "overrun": "The session before goes on. Your appointment may begin later.",
    "closed": "The facility is closed then. Please choose another time.",
}
"""Why a booking must be looked at again."""
