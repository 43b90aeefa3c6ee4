"""Administrators connect other systems: a secret is shown once, fresh proof is asked for, nobody else may."""

from tests.web.world import World


async def test_a_system_is_connected_and_disconnected(site: World) -> None:
    """The token of the page works at the API until it is made void."""
    admin = await site.browser("admin")
    status, page, _ = await site.post(admin, "/systems", name="案件管理", role="case_system")
    assert status == 200
    secret = page.split('id="secret" value="')[1].split('"')[0]
    asker = await site.browser()
    headers = {"Authorization": f"Bearer {secret}"}
    assert (await asker.get("/api/v1/facilities", headers=headers)).status == 200
    _, page = await site.get(admin, "/systems")
    assert secret not in page
    assert "案件管理" in page
    place = page.split('action="/systems/')[1].split('"')[0]
    assert (await site.post(admin, f"/systems/{place}"))[0] == 303
    assert (await asker.get("/api/v1/facilities", headers=headers)).status == 401


async def test_an_address_is_told_and_not_told(site: World) -> None:
    """Added with what it wants to hear, and ended."""
    admin = await site.browser("admin")
    wanted = {"url": "https://cases.example.org/hook", "act-done": "1"}
    status, page, _ = await site.post(admin, "/systems/addresses", **wanted)
    assert (status, "https://cases.example.org/hook" in page) == (200, True)
    place = page.split('action="/systems/addresses/')[1].split('"')[0]
    assert (await site.post(admin, f"/systems/addresses/{place}"))[0] == 303
    assert "https://cases.example.org/hook" not in (await site.get(admin, "/systems"))[1]


async def test_what_was_typed_stays_beside_the_mistake(site: World) -> None:
    """No name, no kind, an address that is not safe."""
    admin = await site.browser("admin")
    status, page, _ = await site.post(admin, "/systems", name="案件管理", role="everything")
    assert (status, "案件管理" in page, 'id="role-error"' in page) == (422, True, True)
    status, page, _ = await site.post(admin, "/systems/addresses", url="http://plain.example.org")
    assert (status, 'value="http://plain.example.org"' in page) == (422, True)


async def test_fresh_proof_is_asked_for(site: World) -> None:
    """An hour after the sign-in a token needs the password once more."""
    admin = await site.browser("admin")
    site.clock.advance(3600)
    status, page, _ = await site.post(admin, "/systems", name="夜间同步", role="case_system")
    assert (status, 'name="confirm_password"' in page, "夜间同步" in page) == (403, True, True)
    assert "夜间同步" not in (await site.get(admin, "/systems"))[1]


async def test_nobody_else_connects_systems(site: World) -> None:
    """Officers, duty officers and lawyers neither see nor make; another tree's administrator ends nothing of ours."""
    for login in ("officer", "duty", "lawyer", "reviewer"):
        browser = await site.browser(login)
        assert (await site.get(browser, "/systems"))[0] == 403
        assert (await site.post(browser, "/systems", name="x", role="case_system"))[0] == 403
    admin, other = await site.browser("admin"), await site.browser("admin-justice")
    _, page, _ = await site.post(admin, "/systems", name="案件管理", role="case_system")
    place = page.split('action="/systems/')[1].split('"')[0]
    assert (await site.post(other, f"/systems/{place}"))[0] in (403, 404)
