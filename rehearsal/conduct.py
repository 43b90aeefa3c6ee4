"""What the host of a rehearsal does, decided from the view alone."""

from collections.abc import Mapping
from typing import Any


def host_moves(view: Mapping[str, Any], participants: int) -> list[dict[str, Any]]:
    """Return the messages the host should send now, in order.

    Whoever waits is let in, whoever is named is confirmed; when all ``participants`` are in and their persons are
    confirmed, and the host may start, it starts.
    """
    if not view["rights"]["host"]:
        return []
    others = [item for item in view["endpoints"] if item["id"] != view["you"]]
    moves: list[dict[str, Any]] = [
        {"type": "admit", "endpoint": item["id"]} for item in others if item["state"] == "waiting"
    ]
    moves += [
        {"type": "confirm_person", "present": person["id"], "how": "known"}
        for item in view["endpoints"]
        for person in item["persons"]
        if not person["confirmed"]
    ]
    complete = sum(item["state"] == "admitted" and bool(item["persons"]) for item in view["endpoints"]) >= participants
    if not moves and complete and view["rights"]["start"]:
        moves.append({"type": "start"})
    return moves
