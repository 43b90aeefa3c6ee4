"""What each kind of session requires, shows, records, and how it ends: data, one entry per kind.

Code asks these entries; no handler branches on the name of a kind. Sources are quoted in ``docs/RULES.md`` by rule id.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Role(StrEnum):
    """In which capacity a person is present, or an endpoint stands in a session."""

    OFFICER = "officer"
    COOPERATING_OFFICER = "cooperating_officer"
    DUTY_OFFICER = "duty_officer"
    LAWYER = "lawyer"
    DETAINEE = "detainee"
    """The person in custody, or the suspect of an interrogation held elsewhere."""
    WITNESS = "witness"
    VICTIM = "victim"
    GUARDIAN = "guardian"
    INTERPRETER = "interpreter"
    OPERATOR = "operator"
    """Whoever starts a rehearsal."""
    SYNTHETIC = "synthetic"


class EndpointRole(StrEnum):
    """What an endpoint is in a session: decides rights on the wire, not who is present."""

    HOST = "host"
    """Questioning officers' endpoint, or the operator's in a rehearsal."""
    POST = "post"
    """The duty post of a visit: host without picture or sound."""
    PARTY = "party"
    """Lawyer, co-operating officer, interpreter: an account holder who takes part."""
    GUEST = "guest"
    """Came by invitation."""
    ROOM = "room"
    """The terminal of a room."""


class Recording(StrEnum):
    """What media the chain of a session holds."""

    CLEAR = "clear"
    ATTENDANCE = "attendance"


class Edge(StrEnum):
    """What the end of the window does."""

    GRACE = "grace"
    """The session ends when the window and its grace are over."""
    NEVER = "never"
    """The slot never cuts it: warn, go on, and tell the next booking."""


class Demand(StrEnum):
    """What holds while nobody has verified who somebody is."""

    WARN = "warn"
    """The host is reminded until there is a result."""
    BLOCK = "block"
    """Nothing is shown or written to the person before there is a result, or a stated reason for none."""


class NoCheck(StrEnum):
    """Why a session goes on although it was not verified who somebody is."""

    NO_DOCUMENT = "no-document"
    """The person has no document at hand."""
    GUARDIAN = "guardian"
    """A minor without a document; the guardian says who it is."""
    URGENT = "urgent"
    """Waiting would endanger somebody or evidence."""
    LATER = "later"
    """It is made up for in person."""


@dataclass(frozen=True)
class IdentityCheck:
    """Whose identity is verified before questions are asked (WS-4: ADM 120, MPS 346-352), and what holds until then."""

    roles: frozenset[Role]
    demand: Demand
    stills: bool = True
    """Whether still pictures of face and document may be asked for; a guest may refuse them."""


@dataclass(frozen=True)
class Requirement:
    """At least ``count`` persons in one of ``roles``, confirmed, at endpoints that are connected."""

    roles: frozenset[Role]
    count: int = 1


@dataclass(frozen=True)
class Kind:
    """Everything about a kind of session that code needs to ask."""

    code: str
    name: str
    """msgid"""
    title: str
    """msgid of how pages call the session: "this visit", "this interrogation"."""
    requires: tuple[Requirement, ...]
    recording: Recording
    edge: Edge
    host: EndpointRole
    grace: timedelta = timedelta(0)
    custody: bool = False
    """Whether a person in custody is brought: the post confirms brought, identity checked, escort left, returned."""
    record_while_held: bool = False
    mute_forbidden: frozenset[EndpointRole] = frozenset()
    """Who may not switch off microphone or camera; their device loss is an alarm and a log entry."""
    share: frozenset[EndpointRole] = frozenset()
    """Who may share a screen. Never guests, never rooms."""
    chat: bool = False
    join_early: timedelta = timedelta(minutes=10)
    unplanned: bool = False
    """Whether an officer may start one now, without a booking made before."""
    duration: timedelta = timedelta(minutes=60)
    """Proposed length."""
    privileged: bool = False
    """Nobody but lawyer and client hears it; police see only that it took place, from when to when."""
    statistics: bool = True
    approval: bool = False
    """Whether the facility must confirm before it counts; else a booking is confirmed when made."""
    choices: tuple[timedelta, ...] = (timedelta(minutes=30), timedelta(minutes=60), timedelta(minutes=90))
    """Lengths offered by pages."""
    keep: timedelta | None = None
    """How long recordings are kept when no case decides; ``None``: by the case."""
    identity: IdentityCheck | None = None
    """Whose identity is verified first; ``None``: nobody's in the session. In a visit the duty post checks in person,
    and no picture of anybody is taken (LV-3)."""
    roles_at: dict[EndpointRole, tuple[Role, ...]] = field(default_factory=dict)
    """Which roles persons at such an endpoint may have."""
    masks_minors: frozenset[Role] = frozenset()
    """In which roles face and voice of minors are hidden in copies. Never of the person questioned: how they were
    treated is what the recording proves."""

    @property
    def takes_room_cameras(self) -> bool:
        """Whether the cameras of its rooms may be connected: only where everything is recorded in the clear anyway. In
        a visit a camera that no participant operates would be a clear sink (CPL 39(4), MPS 55; rule LV-3)."""
        return self.recording is Recording.CLEAR and not self.privileged


_OFFICERS = frozenset({Role.OFFICER, Role.COOPERATING_OFFICER})

VISIT = Kind(
    code="visit",
    name="Lawyer visit",
    title="this visit",
    requires=(Requirement(frozenset({Role.LAWYER})), Requirement(frozenset({Role.DETAINEE}))),
    recording=Recording.ATTENDANCE,
    edge=Edge.GRACE,
    grace=timedelta(minutes=5),
    host=EndpointRole.POST,
    custody=True,
    share=frozenset({EndpointRole.PARTY}),
    chat=False,
    privileged=True,
    approval=True,
    choices=(timedelta(minutes=45), timedelta(minutes=60), timedelta(minutes=90)),
    roles_at={
        EndpointRole.PARTY: (Role.LAWYER, Role.INTERPRETER),
        EndpointRole.ROOM: (Role.DETAINEE, Role.LAWYER, Role.INTERPRETER),
        EndpointRole.POST: (Role.DUTY_OFFICER,),
    },
)

INTERROGATION = Kind(
    code="interrogation",
    name="Interrogation",
    title="this interrogation",
    requires=(Requirement(_OFFICERS, 2), Requirement(frozenset({Role.DETAINEE}))),
    recording=Recording.CLEAR,
    edge=Edge.NEVER,
    host=EndpointRole.HOST,
    custody=True,
    record_while_held=True,
    mute_forbidden=frozenset({EndpointRole.HOST, EndpointRole.ROOM}),
    share=frozenset({EndpointRole.HOST}),
    chat=False,
    duration=timedelta(minutes=120),
    identity=IdentityCheck(frozenset({Role.DETAINEE}), Demand.WARN, stills=False),
    choices=(timedelta(minutes=60), timedelta(minutes=120), timedelta(minutes=180)),
    roles_at={
        EndpointRole.HOST: (Role.OFFICER, Role.INTERPRETER),
        EndpointRole.PARTY: (Role.OFFICER, Role.COOPERATING_OFFICER, Role.INTERPRETER),
        EndpointRole.GUEST: (Role.GUARDIAN, Role.INTERPRETER),
        EndpointRole.ROOM: (Role.DETAINEE, Role.OFFICER, Role.COOPERATING_OFFICER, Role.GUARDIAN, Role.INTERPRETER),
    },
)

STATEMENT = Kind(
    code="statement",
    name="Witness statement",
    title="this statement",
    requires=(Requirement(_OFFICERS, 2), Requirement(frozenset({Role.WITNESS, Role.VICTIM}))),
    recording=Recording.CLEAR,
    edge=Edge.NEVER,
    host=EndpointRole.HOST,
    record_while_held=True,
    share=frozenset({EndpointRole.HOST}),
    chat=True,
    unplanned=True,
    duration=timedelta(minutes=60),
    identity=IdentityCheck(frozenset({Role.WITNESS, Role.VICTIM}), Demand.BLOCK),
    roles_at={
        EndpointRole.HOST: (Role.OFFICER, Role.INTERPRETER),
        EndpointRole.PARTY: (Role.OFFICER, Role.COOPERATING_OFFICER, Role.INTERPRETER),
        EndpointRole.GUEST: (Role.WITNESS, Role.VICTIM, Role.GUARDIAN, Role.INTERPRETER),
        EndpointRole.ROOM: (Role.WITNESS, Role.VICTIM, Role.COOPERATING_OFFICER, Role.GUARDIAN),
    },
    masks_minors=frozenset({Role.WITNESS, Role.VICTIM}),
)

REHEARSAL = Kind(
    code="rehearsal",
    name="Rehearsal",
    title="this rehearsal",
    requires=(Requirement(frozenset({Role.SYNTHETIC}), 2),),
    recording=Recording.CLEAR,
    edge=Edge.GRACE,
    host=EndpointRole.HOST,
    record_while_held=True,
    share=frozenset({EndpointRole.HOST}),
    chat=True,
    unplanned=True,
    duration=timedelta(minutes=15),
    statistics=False,
    keep=timedelta(hours=24),
    roles_at=dict.fromkeys((EndpointRole.HOST, EndpointRole.PARTY, EndpointRole.GUEST), (Role.SYNTHETIC,)),
)

KINDS: dict[str, Kind] = {kind.code: kind for kind in (VISIT, INTERROGATION, STATEMENT, REHEARSAL)}
