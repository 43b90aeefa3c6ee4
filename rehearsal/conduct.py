"""What the host of a rehearsal does, decided from the view alone."""

from collections.abc import Mapping
from typing import Any


def host_moves(view: Mapping[str, Any], participants: int) -> list[dict[str, Any]]:
    """Return the messages the host should send now.

    When all ``participants`` have come and named themselves, they are let in; when all are in, they are confirmed;
    when nothing is missing, the session is started. Not sooner: whoever waits outside at the start is cut off.
    """
    endpoints = view["endpoints"]
    if not view["rights"]["host"] or sum(bool(item["persons"]) for item in endpoints) < participants:
        return []
    admits = [
        {"type": "admit", "endpoint": item["id"]}
        for item in endpoints
        if item["id"] != view["you"] and item["state"] == "waiting"
    ]
    confirms = [
        {"type": "confirm_person", "present": person["id"], "how": "known"}
        for item in endpoints
        for person in item["persons"]
        if not person["confirmed"]
    ]
    return admits or confirms or ([{"type": "start"}] if view["rights"]["start"] else [])
