"""Which rooms serve which kind of session, as data."""

from dataclasses import dataclass

from scheduler.models import FacilityKind, RoomUse


@dataclass(frozen=True, slots=True)
class Serves:
    """Uses of rooms at the far side (person in custody, witness) and at the asking side."""

    far: frozenset[RoomUse]
    own: frozenset[RoomUse]


SERVES: dict[str, Serves] = {
    "visit": Serves(frozenset({RoomUse.VISIT}), frozenset({RoomUse.LAWYER})),
    "interrogation": Serves(frozenset({RoomUse.INTERROGATION}), frozenset({RoomUse.INTERROGATION, RoomUse.EVIDENCE})),
    "statement": Serves(frozenset({RoomUse.EVIDENCE}), frozenset({RoomUse.EVIDENCE, RoomUse.INTERROGATION})),
    "rehearsal": Serves(frozenset(), frozenset()),
}

CASE_PREMISES = frozenset({FacilityKind.CASE_CENTRE, FacilityKind.STATION})
"""Where somebody not yet admitted to a detention centre may be questioned (MPS 198)."""
