"""Sessions of real kinds on a demo site of our own: booked, confirmed, paired and entered through pages, as people do.

The accounts are those the demo site prints at its start.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import PeerError
from recordings.verify import verify
from rehearsal.devicekey import DeviceKey, start
from rehearsal.pages import Form, Page
from rehearsal.participant import Participant
from rehearsal.server import OwnServer
from rehearsal.site import Site
from rehearsal.troupe import Casting, Facts, Troupe

PASSWORD = "yuanjian-demo"  # noqa: S105  # of the demo site, printed at its start
DUTY = "duty"
"""Login of the duty officer in whose detention centre the sessions take place."""
SECOND_OFFICER = {"role": "officer", "name": "林晓燕", "number": "031518"}
PARTICIPANTS = 2


@dataclass(frozen=True, slots=True)
class _Stage:
    """A demo site of our own, and the browsers opened on it."""

    server: OwnServer
    stack: AsyncExitStack

    async def browser(self) -> Site:
        return await self.stack.enter_async_context(Site(self.server.url))

    async def signed_in(self, login: str) -> Site:
        browser = await self.browser()
        form = _form(await browser.show("signin"), "/signin")
        if "signin" in (await browser.send(form, login=login, password=PASSWORD)).address:
            raise PeerError("sign-in", f"the demo account {login} cannot sign in")
        return browser


def casting(kind: str, server: OwnServer) -> Casting:
    """How a session of ``kind`` (a key of ``KINDS``) comes about on ``server``, which serves the demo site."""
    return lambda: KINDS[kind](server)


@asynccontextmanager
async def _interrogation(server: OwnServer) -> AsyncIterator[Troupe]:
    """Two officers at one screen, the person in custody at a terminal."""
    async with AsyncExitStack() as stack:
        stage = _Stage(server, stack)
        officer, duty = await stage.signed_in("officer"), await stage.signed_in(DUTY)
        session, room = await _book(officer, "interrogation", duty)
        terminal = await _terminal(stage, duty, session, room)

        async def name(one: Participant) -> None:
            if one.number == 1:
                await one.act("name_person", **SECOND_OFFICER)

        yield await _troupe(stage, session, [officer, terminal], name, returned=lambda: _step(duty, session))


@asynccontextmanager
async def _visit(server: OwnServer) -> AsyncIterator[Troupe]:
    """A lawyer at a device of their own, the client at a terminal; the duty post lets it begin."""
    async with AsyncExitStack() as stack:
        stage = _Stage(server, stack)
        lawyer, duty = await stage.signed_in("lawyer"), await stage.signed_in(DUTY)
        session, room = await _book(lawyer, "visit", duty)
        terminal = await _terminal(stage, duty, session, room)
        yield await _troupe(
            stage, session, [lawyer, terminal], _named_already, hosted=False, returned=lambda: _step(duty, session)
        )


@asynccontextmanager
async def _statement(server: OwnServer) -> AsyncIterator[Troupe]:
    """Two officers at one screen, a witness who comes by invitation."""
    async with AsyncExitStack() as stack:
        stage = _Stage(server, stack)
        officer, witness = await stage.signed_in("officer"), await stage.browser()
        form = _form(await officer.show("start"), "/start")
        chosen = {name: form.choices[name][0] for name in ("who", "officer")}
        invited = await officer.send(form, **chosen, guest_name="演练证人", guest_role="witness")
        session = _id(invited.address)
        await witness.post("i/accept", {"secret": await _invitation(officer, invited), "me": True})

        async def name(one: Participant) -> None:
            if one.number == 1:
                await one.act("name_person", **SECOND_OFFICER)

        yield await _troupe(stage, session, [officer, witness], name)


KINDS: dict[str, Callable[[OwnServer], AbstractAsyncContextManager[Troupe]]] = {
    "interrogation": _interrogation,
    "visit": _visit,
    "statement": _statement,
}


async def _troupe(
    stage: _Stage,
    session: str,
    browsers: list[Site],
    name: Callable[[Participant], object],
    **more: object,
) -> Troupe:
    reviewer = await stage.signed_in("reviewer")

    async def record() -> Facts:
        return await _facts(stage.server, session, reviewer)

    everybody = [Participant(browser, session, number, {}) for number, browser in enumerate(browsers, 1)]
    return Troupe(session=session, everybody=everybody, name=name, record=record, files=reviewer, **more)  # type: ignore[arg-type]


async def _named_already(_one: Participant) -> None:
    """The server names who is known by the booking."""


async def _book(browser: Site, kind: str, duty: Site) -> tuple[str, str]:
    """Take the first free window in a room of the duty officer's facility; return booking and room."""
    rooms = _form(await duty.show("terminals"), "/terminals").choices["room"]
    whom = _form(await browser.show(f"book/{kind}"), f"/book/{kind}/time")
    for who in whom.choices.get("who", []):
        times = await browser.send(whom, who=who, **{name: values[0] for name, values in _others(whom)})
        for address in times.links(f"/book/{kind}/check")[:1]:
            last = _form(await browser.show(address), f"/book/{kind}")
            if last.values.get("room") in rooms:
                return _id((await browser.send(last)).address), last.values["room"]
    raise PeerError("no-window", f"the demo site has no free window for kind {kind} where {DUTY} works")


def _others(form: Form) -> list[tuple[str, list[str]]]:
    return [(name, values) for name, values in form.choices.items() if name != "who"]


async def _terminal(stage: _Stage, duty: Site, session: str, room: str) -> Site:
    """Pair a terminal with ``room``, have the person brought, checked and left alone; return when it may enter."""
    terminal = await stage.browser()
    key = DeviceKey()
    code = str((await terminal.post("terminal/pair", {"public_key": key.spki}))["code"])
    await duty.send(_form(await duty.show("terminals"), "/terminals"), code=code, room=room)
    await terminal.get("terminal/state")  # brings the terminal's own cookie
    await start(terminal, key)
    asked = (await duty.show("day")).form(f"/day/{session}/confirm")
    if asked is not None:
        await duty.send(asked)
    stage.server.begin_earlier(session)
    for _ in ("brought", "identity checked", "escort left"):
        await _step(duty, session)
    entered = (await terminal.get("terminal/state")).get("session")
    if entered != session:
        raise PeerError("terminal-stays-out", "the terminal is not told to enter the session")
    return terminal


async def _step(duty: Site, session: str) -> None:
    """Confirm the next custody step in the day list."""
    await duty.send(_form(await duty.show("day"), f"/day/{session}/custody"))


async def _invitation(officer: Site, shown: Page) -> str:
    """Have the link made if the page does not show it yet; return the secret behind its ``#``."""
    for _ in range(2):
        for link in [*shown.links("/i#"), *shown.links("/i/#")]:
            return urlsplit(link).fragment
        form = next((form for form in shown.forms() if form.action.startswith(urlsplit(shown.address).path)), None)
        if form is None:
            break
        shown = await officer.send(form)
    raise PeerError("no-invitation", "the page of invitations shows no link")


async def _facts(server: OwnServer, session: str, reviewer: Site) -> Facts:
    """What the verifier finds in the files themselves, and what a reviewer can play."""
    folder = _recording_of(server.data_dir, session)
    if folder is None:
        return {"recording": None, "verdict": None, "recorded_ms": None, "digest": None, "segments": None, "files": []}
    found = verify(folder)
    return {
        "recording": folder.name,
        "verdict": found.verdict.value if found.closed else None,
        "recorded_ms": found.duration_ms,
        "digest": found.digest,
        "segments": len(list(folder.glob("seg-*"))),
        "files": await _playable(session, reviewer),
    }


async def _playable(session: str, reviewer: Site) -> list[dict[str, object]]:
    """Open the record as a reviewer does; a session without one is not there for them."""
    try:
        page = await reviewer.show(f"records/{session}")
        form = page.form(f"/records/{session}/play")
        page = await reviewer.send(form) if form is not None else page
    except PeerError as error:
        if error.code != "http-404":
            raise
        return []
    urls = dict.fromkeys(page.links(f"/records/{session}/media/"))
    return [{"endpoint": None, "publication": "camera", "url": url} for url in urls]


def _recording_of(data_dir: Path, session: str) -> Path | None:
    """The recording whose first line names ``session``."""
    for chain in sorted((data_dir / "recordings").glob("*/chain.jsonl")):
        with chain.open("rb") as file:
            genesis, tab, _ = file.readline().partition(b"\t")
        if tab and json.loads(genesis).get("session") == session:
            return chain.parent
    return None


def _form(page: Page, action: str) -> Form:
    found = page.form(action)
    if found is None:
        raise PeerError("no-form", f"{page.address.split('?')[0]}: there is no form for {action}")
    return found


def _id(address: str) -> str:
    """``/bookings/{id}/…`` → id."""
    parts = address.split("?")[0].split("/")
    if len(parts) < 3 or parts[1] != "bookings" or parts[2] == "":
        raise PeerError("not-booked", f"{address.split('?')[0]}: the booking was not made")
    return parts[2]
