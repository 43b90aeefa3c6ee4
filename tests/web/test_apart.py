"""The page on which officers and the duty post state who must never meet."""

import re

from tests.web.world import World


def options(text: str) -> dict[str, str]:
    """Keys by name of the first list of persons."""
    part = text[text.index('<select class="form-select" id="one"') :]
    found = re.findall(r'<option value="(\w+)">([^<]+)<', part[: part.index("</select>")])
    return {name: key for key, name in found}


async def test_an_officer_states_and_the_post_lifts(site: World) -> None:
    """The officer names two of an own case; the duty post of where one is held sees it and can lift it."""
    browser = await site.browser("officer")
    persons = options((await site.get(browser, "/apart"))[1])
    one, other = persons["张伟民"], persons["王立刚"]
    status, text, _ = await site.post(browser, "/apart", one=one, other=one, reason="threat")
    assert (status, "one-error" in text or "other-error" in text) == (422, True)
    status, _, leads = await site.post(browser, "/apart", one=one, other=other, reason="threat")
    assert (status, leads) == (303, "/apart?told=stated")
    post = await site.browser("duty")
    text = (await site.get(post, "/apart"))[1]
    statement = re.search(r"/apart/(\w+)/lift", text)
    assert statement is not None
    assert (await site.post(post, f"/apart/{statement[1]}/lift"))[0] == 303
    assert "/lift" not in (await site.get(browser, "/apart"))[1]


async def test_nobody_states_about_people_who_are_not_theirs(site: World) -> None:
    """Another officer's suspects cannot be named, another facility's post sees nothing, lawyers and others are shut
    out."""
    mine = options((await site.get(await site.browser("officer"), "/apart"))[1])
    one, other = mine["张伟民"], mine["王立刚"]
    west = await site.browser("duty-west")
    seen = (await site.get(west, "/apart"))[1]
    assert one not in seen
    assert other not in seen
    assert (await site.post(west, "/apart", one=one, other=other, reason="threat"))[0] == 422
    for login in ("lawyer", "admin", "reviewer", "interpreter"):
        browser = await site.browser(login)
        assert (await site.get(browser, "/apart"))[0] == 403
        assert (await site.post(browser, "/apart", one=one, other=other, reason="threat"))[0] == 403
