"""Every page in every state worth looking at, on the demo site with some life in it: for screenshots and for axe."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from playwright.async_api import Browser, BrowserContext

from core.jobs import Worker, cancel, enqueue
from recordings import outgoing
from recordings.jobs import handlers
from scheduler.models import Booking
from tests.web import recorded as recordings
from tests.web.device import device
from tests.web.world import World


@dataclass(frozen=True)
class Scene:
    """One page as somebody sees it. ``path`` may hold places that ``prepare`` fills."""

    name: str
    path: str
    login: str | None = None
    status: int = 200
    terminal: bool = False
    """Shown at the terminal's size, by its own cookie."""
    post: Mapping[str, str] = field(default_factory=dict)
    """Submit the form with these fields from the page instead of only opening it."""
    press: str = ""
    """Selector to press after loading."""


FIRST = "main form .btn-primary"
LINK = "article form[action$='/invitations']:not(:has([name=way])) button"

READ = "form[action$='/name'] button"
CONNECT = "form[action='/systems'] button"

SCENES: Sequence[Scene] = (
    Scene("signin", "/signin"),
    Scene("signin-wrong", "/signin", post={"login": "lawyer", "password": "not this one"}, status=401),
    Scene("signed-out", "/signin?told=out"),
    Scene("enrol", "/enrol"),
    Scene("account", "/account", "officer"),
    Scene("account-sign-ins", "/account/sign-ins", "officer"),
    Scene("account-passkeys", "/account/passkeys", "officer"),
    Scene("account-passkey-new", "/account/passkeys/new", "officer"),
    Scene("account-app", "/account/app", "officer"),
    Scene("account-app-scan", "/account/app", "officer", press="form[action='/account/app/begin'] button"),
    Scene("account-password", "/account/password", "officer"),
    Scene("account-pin", "/account/pin", "officer"),
    Scene("desk", "/desk", "officer"),
    Scene("home-lawyer", "/", "lawyer"),
    Scene("home-officer", "/", "officer"),
    Scene("home-empty", "/", "interpreter"),
    Scene("book-kind", "/book", "officer"),
    Scene("book-whom-visit", "/book/visit", "lawyer"),
    Scene("book-whom-interrogation", "/book/interrogation", "officer"),
    Scene("book-when", "/book/visit/time?who={client}&minutes=60", "lawyer"),
    Scene("book-when-refused", "/book/visit/time?who={stranger}&minutes=60", "lawyer"),
    Scene("book-check", "/book/visit/check?who={client}&minutes=60&start={later}", "lawyer"),
    Scene(
        "book-taken",
        "/book/visit/check?who={client}&minutes=60&start={taken}",
        "lawyer",
        409,
        press="form .btn-primary",
    ),
    Scene("booking-requested", "/bookings/{visit}?told=booked", "lawyer"),
    Scene("booking-confirmed", "/bookings/{statement}?told=booked", "officer"),
    Scene("book-near", "/book/visit/places?who={client}&minutes=60", "lawyer"),
    Scene("book-move", "/bookings/{visit}/move", "lawyer"),
    Scene("book-move-check", "/bookings/{visit}/move?minutes=60&start={later}", "lawyer"),
    Scene("waiting-list", "/waiting", "lawyer"),
    Scene("witnesses-new", "/witnesses", "officer"),
    Scene("papers", "/papers", "lawyer"),
    Scene("papers-new", "/papers/new", "lawyer"),
    Scene("permits", "/permits", "officer"),
    Scene("messages", "/messages", "duty"),
    Scene("legal-help", "/counsel", "duty-centre"),
    Scene("start-now", "/start", "officer"),
    Scene("invitations", "/bookings/{statement}/invitations", "officer"),
    Scene(
        "invitation-link",
        "/bookings/{statement}/invitations",
        "officer",
        press=LINK,
    ),
    Scene("guest", "/i#{secret}"),
    Scene("guest-off", "/i#{off}"),
    Scene("guest-unknown", "/i#{wrong}"),
    Scene("guest-incomplete", "/i"),
    Scene("guest-real", "/real"),
    Scene("kept-apart", "/apart", "officer"),
    Scene("protected", "/protected", "officer"),
    Scene("protected-person", "/protected/{protected}", "officer"),
    Scene("protected-name", "/protected/{protected}", "officer", post={"purpose": "service"}, press=READ),
    Scene("protected-decide", "/protected/{ending}", "reviewer"),
    Scene("guest-protected", "/i#{alias}"),
    Scene("day-list", "/day", "duty"),
    Scene("day-empty", "/day", "duty-river"),
    Scene("day-week", "/day/week", "duty"),
    Scene("day-papers", "/day/papers", "duty"),
    Scene("day-custody", "/day/custody", "duty"),
    Scene("day-register", "/day/register", "duty"),
    Scene("day-escorts", "/day/escorts", "duty"),
    Scene("day-sheet", "/day/sheet", "duty"),
    Scene("day-handover", "/day/handover", "duty"),
    Scene("day-late", "/day/{visit}/late", "duty"),
    Scene("day-times", "/day/{visit}/times", "duty"),
    Scene("clocks", "/clocks", "prosecutor"),
    Scene("urgent", "/urgent", "reviewer"),
    Scene("statistics", "/statistics", "admin"),
    Scene("rules", "/rules", "admin"),
    Scene("rules-replay", "/rules/replay/{recorded}", "reviewer"),
    Scene("facility-calendar", "/facilities/{facility}/calendar", "admin"),
    Scene("working-days", "/working-days", "admin"),
    Scene("terminals", "/terminals", "duty"),
    Scene("room-cameras", "/rooms/{room}/cameras", "duty"),
    Scene("records", "/records", "reviewer"),
    Scene("records-empty", "/records?q=nothing", "reviewer"),
    Scene("record", "/records/{recorded}", "reviewer"),
    Scene("record-opened", "/records/{recorded}", "reviewer", press="form[action$='/play'] button"),
    Scene("record-composing", "/records/{composing}", "reviewer", press="form[action$='/composition/resume'] button"),
    Scene("record-stopped", "/records/{composing}", "reviewer", press="form[action$='/composition/cancel'] button"),
    Scene("record-keeping", "/records/{recorded}/keeping", "reviewer"),
    Scene("record-handover", "/records/{recorded}/handover", "reviewer"),
    Scene("case-handover", "/cases/{case}/handover", "reviewer"),
    Scene("case-sheet", "/cases/{case}/handover/{given}", "reviewer"),
    Scene("record-access", "/records/{recorded}/access", "inspector"),
    Scene("filed-empty", "/filed", "lawyer"),
    Scene("record-preparing", "/records/{unfinished}", "reviewer"),
    Scene("ledger", "/ledger", "reviewer"),
    Scene("looked", "/looked", "officer"),
    Scene("people", "/people", "admin"),
    Scene("person", "/people/{officer}", "admin"),
    Scene("person-new", "/people/new", "admin"),
    Scene("person-link", "/people/{officer}", "admin", press="form[action$='/link'] button"),
    Scene("facilities", "/facilities", "admin"),
    Scene("facility", "/facilities/{facility}", "admin"),
    Scene("systems", "/systems", "admin"),
    Scene("systems-made", "/systems", "admin", post={"name": "案件管理", "role": "case_system"}, press=CONNECT),
    Scene("confirm-yourself", "/confirm?next=/people", "admin"),
    Scene("not-found", "/nope", "lawyer", 404),
    Scene("not-allowed", "/day", "lawyer", 403),
    Scene("live-check", "/sessions/{open}/live", "officer"),
    Scene("terminal-pairing", "/terminal", terminal=True),
)


async def prepare(world: World) -> dict[str, str]:
    """Fill the site with sessions of every state; return what the paths of ``SCENES`` need."""
    taken = await world.visit(60)
    recorded, unfinished = await world.interrogation(120), await world.statement(600)
    statement, opened = await world.statement(300), await world.statement(15)
    composing = await world.interrogation(480)
    visit = await world.visit(240, client=1)
    duty = await world.browser("duty")
    await world.post(duty, f"/day/{taken.id}/confirm", version="1")
    second = await world.interrogation(360)
    await world.post(duty, f"/day/{second.id}/custody", step="brought")
    protected, ending, alias = await _protected(world)
    off = await _called_off(world)
    world.clock.advance(6 * 60)
    room = await _terminals(world)
    await _stopped(world, composing)
    await _take_place(world, recorded, unfinished)
    world.hub.runs(opened.id, "waiting")
    lawyer = await world.browser("lawyer")
    client = re.search(r'id="who-1" value="(\w+)"', (await world.get(lawyer, "/book/visit"))[1])
    other = await world.browser("lawyer2")
    stranger = re.search(r'id="who-1" value="(\w+)"', (await world.get(other, "/book/visit"))[1])
    admin = await world.browser("admin")
    facility = re.search(r"/facilities/(\w{22})", (await world.get(admin, "/facilities?q=看守所"))[1])
    assert client is not None
    assert stranger is not None
    assert facility is not None
    return {
        "client": client[1],
        "stranger": stranger[1],
        "later": (taken.start + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M%%2B00:00"),
        "taken": taken.start.strftime("%Y-%m-%dT%H:%M%%2B00:00"),
        "visit": visit.id,
        "statement": statement.id,
        "open": opened.id,
        "secret": await _secret(world, opened),
        "off": off,
        "wrong": "x" * 43,
        "protected": protected,
        "ending": ending,
        "alias": alias,
        "room": room,
        "recorded": recorded.id,
        "unfinished": unfinished.id,
        "composing": composing.id,
        "case": str(recorded.case),
        "given": await _given(world, recorded),
        "officer": (await world.principal("officer")).id,
        "facility": facility[1],
    }


async def _protected(world: World) -> tuple[str, str, str]:
    """A witness under an alias whose name was read, one whose protection is to end, and an invitation by alias."""
    officer, ids = await world.browser("officer"), []
    booked = await world.statement(24 * 60)
    secret = await _secret(world, booked)
    case = str(booked.case)
    for name, ground, source in (("王秀兰", "danger", "own_request"), ("孙小梅", "minor", "statement")):
        fields = {"who": f"{case}.other", "name": name, "ground": ground, "source": source}
        await world.post(officer, "/protected", **fields)
    ids = re.findall(r"/protected/(\w{22})", (await world.get(officer, "/protected"))[1])
    await world.post(officer, f"/protected/{ids[0]}/name", purpose="identity")
    await world.post(officer, f"/protected/{ids[1]}/end", why="own_wish")
    return ids[0], ids[1], secret


async def _called_off(world: World) -> str:
    """The secret of somebody invited to a session that was cancelled."""
    session = await world.statement(26 * 60)
    secret = await _secret(world, session)
    await world.post(await world.browser("officer"), f"/bookings/{session.id}/cancel", version="1", reason="not-needed")
    return secret


async def _secret(world: World, session: Booking) -> str:
    officer = await world.browser("officer")
    page = f"/bookings/{session.id}/invitations"
    party = re.search(r'name="party" value="(\w{22})"', (await world.get(officer, page))[1])
    assert party is not None
    secret = re.search(r"/i#([\w-]{43})", (await world.post(officer, page, party=party[1]))[1])
    assert secret is not None
    return secret[1]


async def _terminals(world: World) -> str:
    """Two paired terminals, one of them silent for long; return the room that has a camera of its own too."""
    duty = await world.browser("duty")
    rooms = re.findall(r'<option value="(\w{22})">', (await world.get(duty, "/terminals"))[1])[:2]
    for number, room in enumerate(rooms):
        terminal = await device(world)
        await terminal.paired(duty, room)
        if number == 0:
            await terminal.send("/terminal/seen", camera=True, microphone=False, network="4g", version="Chrome/156.0")
    camera = {"name": "桌面", "view": "close", "way": "rtsp", "address": "rtsp://admin:pass@10.20.0.15/live"}
    await world.post(duty, f"/rooms/{rooms[0]}/cameras", **camera)
    return rooms[0]


async def _given(world: World, recorded: Booking) -> str:
    """The case of a recorded session, made ready to be handed over."""
    reviewer, address = await world.browser("reviewer"), f"/cases/{recorded.case}/handover"
    await world.post(reviewer, address, recipient="江州市人民检察院", content="working", disc="dvd")
    known = handlers(world.settings.data_dir, world.database, world.clock)
    worker = Worker(world.database, world.clock, {outgoing.JOB: known[outgoing.JOB]})
    while await worker.run_one():
        pass
    async with world.database.transaction(write=False) as tx:
        (row,) = await outgoing.of_case(tx, str(recorded.case))
    return row.id


async def _take_place(world: World, recorded: Booking, unfinished: Booking) -> None:
    """One session recorded and composed, by the recorder's own code; one whose record is not there yet."""
    await recordings.adopt(world, recorded, source=recordings.made(composed=True))
    now = world.clock.now()
    async with world.database.transaction() as tx:
        row = await tx.get_one(Booking, unfinished.id)
        row.started, row.ended = now - timedelta(minutes=4), now


async def _stopped(world: World, session: Booking) -> None:
    """One session recorded of which the composed picture was called off."""
    await recordings.adopt(world, session, "golden-1", source=recordings.golden())
    now, key = world.clock.now(), "compose:golden-1"
    async with world.database.transaction() as tx:
        await enqueue(tx, "compose_recording", {"recording": "golden-1"}, due=now, key=key)
        await cancel(tx, key, now=now)


Seen = Callable[[Scene, Any], Awaitable[None]]


async def visit_all(
    browser: Browser,
    world: World,
    values: Mapping[str, str],
    seen: Seen,
    *,
    size: tuple[int, int],
    locale: str,
    only: Callable[[Scene], bool],
) -> None:
    """Open each scene that ``only`` lets through and hand its page to ``seen``; one browser context per person."""
    contexts: dict[str | None, BrowserContext] = {}
    for scene in SCENES:
        if not only(scene):
            continue
        if scene.login not in contexts:
            contexts[scene.login] = await _context(browser, world, scene.login, size, locale)
        page = await contexts[scene.login].new_page()
        await show(page, world, scene, values)
        await seen(scene, page)
        await page.close()
    for context in contexts.values():
        await context.close()


async def _context(
    browser: Browser, world: World, login: str | None, size: tuple[int, int], locale: str
) -> BrowserContext:
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale=locale, bypass_csp=True, reduced_motion="reduce"
    )
    await context.add_cookies([{"name": "yj-language", "value": locale, "url": world.url}])
    if login is not None:
        await context.add_cookies([{"name": "yj", "value": await world.cookie(login), "url": world.url}])
    return context


async def show(page: Any, world: World, scene: Scene, values: Mapping[str, str]) -> None:
    """Bring ``page`` to the state of ``scene``."""
    path = re.sub(r"\{(\w+)\}", lambda place: values[place[1]], scene.path)
    answer = await page.goto(world.url + path, wait_until="networkidle")
    for name, value in scene.post.items():
        typed = page.locator(f"input[name={name}], textarea[name={name}]")
        await (typed.fill(value) if await typed.count() else page.select_option(f"select[name={name}]", value))
    if scene.post or (scene.press and await page.locator(scene.press).count()):
        async with page.expect_navigation() as moved:
            await page.click(scene.press or "main form button[type=submit]")
        answer = await moved.value
        await page.wait_for_load_state("networkidle")
    assert answer is None or answer.status == scene.status, (scene.name, answer.status)
