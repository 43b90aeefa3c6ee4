"""The cameras of a room on its page: a key shown once, an address never; each by whoever runs the place."""

import re

from tests.web.world import World


async def a_room(site: World) -> str:
    """A room of the duty officer's facility, as the page of terminals links to it."""
    _, page = await site.get(await site.browser("duty"), "/terminals")
    found = re.search(r'href="/rooms/(\w{22})/cameras"', page)
    assert found
    return found[1]


def field(page: str, name: str) -> str:
    return page.split(f'id="{name}" value="')[1].split('"')[0]


async def test_an_encoders_key_is_shown_once_renewed_and_ended(site: World) -> None:
    """With the address to send to; a new key is another; out of use, the view is free again."""
    room, duty = await a_room(site), await site.browser("duty")
    at = f"/rooms/{room}/cameras"
    status, page, _ = await site.post(duty, at, name="天花板", view="wide", way="whip")
    key, address = field(page, "made-key"), field(page, "made-address")
    assert (status, len(key)) == (200, 43)
    assert address.startswith("http")
    camera = address.rsplit("/", 1)[1]
    _, page = await site.get(duty, at)
    assert "天花板" in page
    assert key not in page
    status, page, _ = await site.post(duty, at, name="另一台", view="wide", way="whip")
    assert (status, "另一台" in page) == (409, True)
    _, page, _ = await site.post(duty, f"{at}/{camera}/key")
    assert field(page, "made-key") != key
    assert (await site.post(duty, f"{at}/{camera}/revoke"))[0] == 303
    assert camera not in (await site.get(duty, at))[1]


async def test_an_address_is_never_shown_again(site: World) -> None:
    """Not in the list, not beside a mistake; one on this machine is refused in words; another one can be set."""
    room, duty = await a_room(site), await site.browser("duty")
    at = f"/rooms/{room}/cameras"
    wish = {"name": "桌面", "view": "close", "way": "rtsp"}
    status, page, _ = await site.post(duty, at, **wish, address="rtsp://admin:secret@127.0.0.1/live")
    assert (status, 'id="address-error"' in page, "secret" in page, "桌面" in page) == (422, True, False, True)
    assert (await site.post(duty, at, **wish, address="rtsp://admin:secret@10.1.2.3/live"))[0] == 303
    _, page = await site.get(duty, at)
    assert "rtsp://10.1.2.3:554/…" in page
    assert "secret" not in page
    camera = re.search(r"cameras/(\w{22})/address", page)
    assert camera
    assert (await site.post(duty, f"{at}/{camera[1]}/address", address="nonsense"))[0] == 422
    assert (await site.post(duty, f"{at}/{camera[1]}/address", address="rtsp://10.1.2.4/x"))[0] == 303
    assert "rtsp://10.1.2.4:554/…" in (await site.get(duty, at))[1]


async def test_others_neither_see_nor_change_them(site: World) -> None:
    """The administrator of the tree may; officers, lawyers, another facility and another tree may not."""
    room = await a_room(site)
    at, admin = f"/rooms/{room}/cameras", await site.browser("admin")
    status, page, _ = await site.post(admin, at, name="天花板", view="wide", way="whip")
    assert status == 200
    camera = field(page, "made-address").rsplit("/", 1)[1]
    assert at in (await site.get(admin, f"/rooms/{room}"))[1]
    for login, status in (
        ("officer", 403),
        ("lawyer", 403),
        ("reviewer", 403),
        ("duty-west", 404),
        ("admin-justice", 404),
    ):
        browser = await site.browser(login)
        assert (await site.get(browser, at))[0] == status
        assert (await site.post(browser, at, name="x", view="close", way="whip"))[0] == status
        for act in ("key", "address", "revoke"):
            assert (await site.post(browser, f"{at}/{camera}/{act}"))[0] == status
    inspector = await site.browser("inspector")
    status, page = await site.get(inspector, at)
    assert (status, "天花板" in page, "<form method" in page.split("<main")[1]) == (200, True, False)
    assert "天花板" in (await site.get(admin, at))[1]
