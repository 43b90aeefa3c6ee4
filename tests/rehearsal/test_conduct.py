"""What the host does, from the view alone."""

from typing import Any

from rehearsal.conduct import host_moves


def endpoint(name: str, state: str = "admitted", *, named: bool = True, confirmed: bool = True) -> dict[str, Any]:
    persons = [{"id": f"person of {name}", "confirmed": confirmed}] if named else []
    return {"id": name, "state": state, "persons": persons}


def view(*endpoints: dict[str, Any], host: bool = True, start: bool = False) -> dict[str, Any]:
    return {"you": "a", "rights": {"host": host, "start": start}, "endpoints": list(endpoints)}


def test_nothing_is_done_before_all_have_come_and_named_themselves() -> None:
    """One endpoint is not here, or has nobody named: the host waits."""
    assert host_moves(view(endpoint("a"), start=True), 2) == []
    assert host_moves(view(endpoint("a"), endpoint("b", "waiting", named=False)), 2) == []


def test_all_who_wait_are_let_in_at_once() -> None:
    """Everybody waiting but the host itself is admitted, nobody confirmed yet."""
    moves = host_moves(view(endpoint("a"), endpoint("b", "waiting", confirmed=False), endpoint("c", "waiting")), 3)
    assert moves == [{"type": "admit", "endpoint": "b"}, {"type": "admit", "endpoint": "c"}]


def test_all_inside_are_confirmed_then_started() -> None:
    """Confirming comes after admitting, starting after confirming and only with the right to."""
    unconfirmed = view(endpoint("a"), endpoint("b", confirmed=False), start=True)
    assert host_moves(unconfirmed, 2) == [{"type": "confirm_person", "present": "person of b", "how": "known"}]
    assert host_moves(view(endpoint("a"), endpoint("b"), start=True), 2) == [{"type": "start"}]
    assert host_moves(view(endpoint("a"), endpoint("b")), 2) == []


def test_only_a_host_acts() -> None:
    """Without the host's right nothing is sent."""
    assert host_moves(view(endpoint("a"), endpoint("b", "waiting"), host=False, start=True), 2) == []
