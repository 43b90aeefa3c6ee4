"""Credentials for TURN."""

import base64
import hashlib
import hmac

from signaling import messages
from signaling.turn import Turn, hosts, ice_servers, turn_credentials
from tests.signaling.acts import a_rehearsal, live_rehearsal
from tests.signaling.rosters import START
from tests.signaling.world import World

SITE = Turn(("turn:t.example:3478?transport=udp", "turns:[2001:db8::1]:443", "turn:t.example"), "0123456789abcdef")


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


def test_hosts_of_turn_addresses_are_named_once() -> None:
    """Names and IPv6 addresses alike, without port, transport and brackets."""
    assert hosts(SITE.urls) == ("t.example", "2001:db8::1")
    assert hosts(("http://x", "")) == ()


async def test_credentials_are_renewed_before_they_expire(world: World) -> None:
    """Every eight minutes whoever is connected gets new ones; who comes back is not given them twice."""
    world.hub.turn = SITE
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    first = host.welcome["ice_servers"]
    assert [server["urls"] for server in first] == list(SITE.urls)
    world.advance(7 * 60)
    await host.say(messages.Ping())
    await host.a("pong")
    assert host.of("ice_servers") == []
    world.advance(60)
    for peer in (host, other):
        renewed = (await peer.a("ice_servers"))["ice_servers"]
        assert _expiry(renewed) == _expiry(first) + 480
    world.advance(5)
    await host.say(messages.Ping())
    await host.a("pong")
    assert len(host.of("ice_servers")) == 1
    again = await world.come_back(session, host.welcome["resume"])
    assert _expiry((await again.a("welcome"))["ice_servers"]) == _expiry(first) + 485
    world.advance(10)
    await again.say(messages.Ping())
    await again.a("pong")
    assert again.of("ice_servers") == []


async def test_a_site_without_turn_renews_nothing(world: World) -> None:
    """Where there is no server there is nothing to say."""
    session, token = await a_rehearsal(world)
    host, _ = await live_rehearsal(world, session, token)
    world.advance(9 * 60)
    await host.say(messages.Ping())
    await host.a("pong")
    assert host.of("ice_servers") == []


async def test_the_device_check_has_credentials_too(world: World) -> None:
    """To somebody, never to nobody."""
    world.hub.turn = SITE
    assert (await world.client.get("/echo")).status == 403
    answer = await world.client.get("/echo", headers={"X-As": await world.account("officer")})
    assert [server["urls"] for server in (await answer.json())["ice_servers"]] == list(SITE.urls)


def _expiry(servers: list[dict[str, str]]) -> int:
    expires = {int(server["username"].partition(":")[0]) for server in servers}
    return expires.pop()
