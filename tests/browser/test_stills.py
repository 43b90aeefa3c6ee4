"""Still pictures on the guest's phone: asked in plain words, taken, covered, seen, sent; or not."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Page

from signaling import messages as wire
from signaling.jpeg import picture_only
from tests.browser.stand import Stand, endpoint, person, rights, view
from tests.browser.test_accessibility import findings
from tests.browser.test_live_page import HOST, enter, heard

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
GUEST = endpoint("g", "guest", person("陈静", "witness", confirmed=False))
OFFICER = endpoint("h", "host", person("李娜", "officer", number="031274"))
SEEN = view("g", GUEST, OFFICER, rights=rights(publish=True, subscribe=True), kind="statement", title="询问")


def asked(state: str, *sent: str) -> wire.View:
    return replace(SEEN, stills=wire.StillsView(request="s1", state=state, sent=sent, by="李娜 031274"))  # type: ignore[arg-type]


@pytest_asyncio.fixture(loop_scope="module")
async def phone(browser: Browser) -> AsyncIterator[Page]:
    """A guest's telephone whose scripts may not fail."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN", has_touch=True)
    page = await context.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert errors == []


_SLOW_CAMERA = """
const own = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
const set = function (stream) { setTimeout(() => own.set.call(this, stream), 1000); };
Object.defineProperty(HTMLMediaElement.prototype, "srcObject", { ...own, set });
"""


async def test_a_guest_takes_covers_sees_and_sends(phone: Page, stand: Stand) -> None:
    """Two plain JPEGs arrive; where the bar stood there is black and nothing else; a failure can be tried again."""
    stand.views["g"] = SEEN
    await phone.add_init_script(_SLOW_CAMERA)
    await enter(phone, stand, "g", asKind="guest", endpointRole="guest", kind="statement", stillHours=72)
    await phone.locator("#stage").wait_for()
    await stand.push("g", asked("asked"))
    await phone.get_by_text("最长72小时后删除").wait_for()
    found = await findings(phone, "question")
    await phone.get_by_role("button", name="同意", exact=True).click()
    assert (await heard(stand, wire.AnswerStills, "g")) == wire.AnswerStills(request="s1", consent=True)
    await stand.push("g", asked("granted"))
    for _ in range(2):
        await phone.get_by_role("button", name="拍照").click()  # at once: it is off until there is a picture to take
        await phone.get_by_role("button", name="使用这张").wait_for()
        if await phone.get_by_role("button", name="下移").count():
            await phone.get_by_role("button", name="下移").click()
        found += await findings(phone, "taken")
        await phone.get_by_role("button", name="使用这张").click()
    stand.refuse_still = True
    await phone.get_by_role("button", name="发送照片").click()
    await phone.get_by_text("请稍后再试。").wait_for()
    assert await phone.locator(".stills img").count() == 2
    await phone.get_by_role("button", name="发送照片").click()
    while len(stand.stills) < 2:
        await phone.wait_for_timeout(50)
    await stand.push("g", asked("sent", "face", "document"))
    await phone.get_by_role("button", name="继续").click()
    assert await phone.locator(".stills").count() == 0
    assert found == []
    for data in stand.stills.values():
        assert picture_only(data)
    card = Image.open(io.BytesIO(stand.stills["document"])).convert("L")
    assert card.width / card.height == pytest.approx(85.6 / 53.98, rel=0.02)
    bar = card.crop(
        (round(0.35 * card.width), round(0.83 * card.height), round(0.8 * card.width), round(0.93 * card.height))
    )
    assert max(bar.getextrema()) < 24
    assert max(card.crop((0, 0, card.width, card.height // 2)).getextrema()) > 60


async def test_a_guest_says_no(phone: Page, stand: Stand) -> None:
    """The question goes away and nothing is sent; no picture was taken."""
    stand.views["g"] = asked("asked")
    await enter(phone, stand, "g", asKind="guest", endpointRole="guest", kind="statement", stillHours=72)
    await phone.get_by_role("button", name="不同意").click()
    assert not (await heard(stand, wire.AnswerStills, "g")).consent
    await phone.locator(".stills").wait_for(state="detached")
    assert stand.stills == {}


async def test_the_host_is_led_to_the_check(page: Page, stand: Stand) -> None:
    """While it is open a line says so; the pictures stand beside each other; the result names the document."""
    check = wire.IdentityView(
        present="p-陈静", result="open", way="", document="", by="", service="", stills="none", pictures=()
    )
    seen = view("h", OFFICER, replace(GUEST, id="g"), rights=replace(HOST, check=True), kind="statement")
    stand.views["h"] = replace(seen, identity=(check,), identity_first=True)
    await enter(page, stand, kind="statement")
    await page.locator("#identity", has_text="陈静：身份尚未核验").wait_for()
    await page.locator("#identity button").click()
    assert await findings(page, "identity") == []
    await page.get_by_role("button", name="请对方拍摄两张照片").click()
    assert (await heard(stand, wire.AskStills)).present == "p-陈静"
    await page.locator("#identity button").click()
    await page.get_by_role("button", name="证件与本人一致").click()
    await page.get_by_role("button", name="居民身份证").click()
    confirmed = await heard(stand, wire.ConfirmPerson)
    assert (confirmed.how, confirmed.document) == ("document", "id-card")
    await page.locator("#identity button").click()
    await page.get_by_role("button", name="注明理由，不核验继续").click()
    await page.get_by_role("button", name="未随身携带证件").click()
    assert (await heard(stand, wire.SkipIdentity)).reason == "no-document"
    await stand.push("h", replace(seen, identity=(replace(check, result="match", way="sight", by="李娜"),)))
    await page.locator("#identity").wait_for(state="hidden")
