"""Credentials for TURN."""

import base64
import hashlib
import hmac

from signaling.turn import Turn, ice_servers, turn_credentials
from tests.signaling.rosters import START


def test_credentials_are_what_coturn_checks() -> None:
    """User name ``expiry:participant``, password the HMAC-SHA1 of it under the shared secret."""
    user, password = turn_credentials("secret", "e1", START)
    assert user == f"{int(START.timestamp()) + 600}:e1"
    assert password == base64.b64encode(hmac.new(b"secret", user.encode(), hashlib.sha1).digest()).decode()


def test_a_site_without_turn_names_no_server() -> None:
    """On a LAN the list is empty; never a public server."""
    assert ice_servers(None, "e1", START) == ()
    servers = ice_servers(Turn(("turn:t.example:3478?transport=udp", "turns:t.example:443"), "s"), "e1", START)
    assert [s["urls"] for s in servers] == ["turn:t.example:3478?transport=udp", "turns:t.example:443"]
    assert all({"urls", "username", "credential"} == set(s) for s in servers)
