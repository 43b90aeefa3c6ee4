"""One whole rehearsal against a running server: book, join, exchange, end, and look at what was recorded."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.errors import PeerError
from rehearsal.conduct import host_moves
from rehearsal.participant import Participant
from rehearsal.peers import Receiving
from rehearsal.recorded import examine, whose
from rehearsal.report import Line, Missing, Report
from rehearsal.troupe import Casting, Facts, Troupe

RECORDED_SECONDS = 60.0
"""How long the files and the verdict may take after the end."""
_POLL_SECONDS = 0.25
FEW = 3
"""Up to so many participants send as much as a browser would; more of them share one small machine."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play. ``seconds`` are counted from when everybody sees everybody."""

    participants: int = 2
    seconds: float = 8.0
    kind: str = "rehearsal"


Say = Callable[..., None]
"""Tells an onlooker how far things are: a sentence (msgid) and its values."""


def _silent(_sentence: str, **_values: object) -> None:
    return


async def rehearse(cast: Casting, plan: Plan, rng: random.Random, say: Say = _silent) -> Report:
    """Play ``plan`` with the troupe of ``cast``; what was measured, and what went wrong, is in the report."""
    report = Report(kind=plan.kind, participants=plan.participants, seconds=plan.seconds)
    began = time.monotonic()
    try:
        async with cast() as troupe:
            report.session = troupe.session
            endpoints = await _meet(troupe, plan, report, say)
            say("Ended. Waiting for the recorded files…")
            await _look_at_record(troupe, report, endpoints, rng)
    except PeerError as error:
        report.failed = Missing(error.code, "{reason}", {"reason": error.text})
    except (KeyError, TypeError, ValueError) as error:
        reason = f"an answer of the server cannot be used: {type(error).__name__} {error}"
        report.failed = Missing("bad-answer", "{reason}", {"reason": reason})
    report.elapsed_seconds = time.monotonic() - began
    return report


async def _meet(troupe: Troupe, plan: Plan, report: Report, say: Say) -> dict[str, int]:
    """Carry everybody through the session; return whose endpoint is whose."""
    everybody = troupe.everybody
    tasks: list[asyncio.Task[None]] = []
    try:
        say("{count} participants are joining…", count=plan.participants)
        await _all(everybody, lambda one: _enter(troupe, one))
        report.join_ms = [round(one.joined_ms, 1) for one in everybody]
        report.recorded = everybody[0].view.get("policy") == "clear"
        if troupe.hosted:
            tasks.append(asyncio.create_task(_conduct(everybody[0], plan.participants)))
        tasks.append(asyncio.create_task(_exchange(troupe, plan, report, say)))
        await asyncio.gather(*tasks)
        return {one.endpoint: one.number for one in everybody}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(one.close() for one in everybody))


async def _exchange(troupe: Troupe, plan: Plan, report: Report, say: Say) -> None:
    """Everybody receives everybody for the planned seconds; then participant 1 ends it."""
    everybody = troupe.everybody
    await _all(everybody, lambda one: one.receive_everyone(plan.participants - 1))
    await _all(everybody, lambda one: one.until(lambda: one.state == "live", "the session being live"))
    await _all(everybody, _recognise)
    say("Live: everybody sees everybody. Exchanging picture and sound for {seconds} s…", seconds=plan.seconds)
    before = _sent(everybody)
    await asyncio.sleep(plan.seconds)
    during = {number: sent - before[number] for number, sent in _sent(everybody).items()}
    _measure(report, everybody, during)
    await everybody[0].act("end", reason="rehearsal over")
    await everybody[0].until(lambda: everybody[0].state == "ended" or everybody[0].ended is not None, "the end")
    await troupe.returned()
    await _all(everybody, lambda one: one.until(lambda: one.ended is not None, "the closing of the record"))
    report.digest = (everybody[0].ended or {}).get("digest")


async def _all(everybody: list[Participant], step: Callable[[Participant], Awaitable[Any]]) -> None:
    await asyncio.gather(*(step(one) for one in everybody))


async def _enter(troupe: Troupe, one: Participant) -> None:
    await one.join()
    await troupe.name(one)
    await one.publish(light=len(troupe.everybody) > FEW)


async def _conduct(host: Participant, participants: int) -> None:
    """Be the host: after every view do what it asks for, each thing once unless something was refused."""
    done: list[dict[str, Any]] = []
    refused = 0
    while host.ended is None:
        if len(host.refusals) > refused:
            done, refused = [], len(host.refusals)
        for move in host_moves(host.view, participants):
            if move not in done:
                done.append(move)
                await host.act(move["type"], **{key: value for key, value in move.items() if key != "type"})
        await _next_view(host)


async def _next_view(host: Participant) -> None:
    """Wait for a new view or the end of the session."""
    number, refused = host.view["number"], len(host.refusals)
    await host.until(
        lambda: host.ended is not None or host.view["number"] != number or len(host.refusals) != refused,
        "the next view",
        seconds=24 * 3600,
    )


async def _recognise(one: Participant) -> None:
    """Wait until a code of every other participant was read."""
    for (endpoint, _), reception in one.receptions.items():
        try:
            async with asyncio.timeout(20):
                await reception.recognised.wait()
        except TimeoutError:
            received, _lost = reception.packets
            reason = f"participant {one.number} got no picture of {endpoint} ({received} packets)"
            raise PeerError("no-picture", reason) from None


def _sent(everybody: list[Participant]) -> dict[int, int]:
    """Pictures sent so far, by participant."""
    return {one.number: one.sending.camera.sent for one in everybody if one.sending is not None}


def _measure(report: Report, everybody: list[Participant], during: dict[int, int]) -> None:
    """Put into the report what has come through. ``during``: pictures sent in the planned seconds, by participant."""
    endpoints = {one.endpoint: one.number for one in everybody}
    sendings = [one.sending for one in everybody if one.sending is not None]
    report.packets_sent = sum(sending.packets for sending in sendings)
    report.frames_sent = sum(sending.camera.sent for sending in sendings)
    report.lines = [
        _line(one, endpoints[endpoint], reception, during)
        for one in everybody
        for (endpoint, _), reception in one.receptions.items()
    ]


def _line(one: Participant, sender: int, reception: Receiving, during: dict[int, int]) -> Line:
    seen, heard = reception.seen, reception.heard
    packets, lost = reception.packets
    own = len(seen.numbers.get(sender, ()))
    return Line(
        sender=sender,
        receiver=one.number,
        first_packet_ms=_ms(reception.opened_at, reception.first_packet_at),
        first_frame_ms=_ms(reception.opened_at, reception.first_frame_at),
        live_to_frame_ms=_ms(one.live_at, reception.first_frame_at),
        packets=packets,
        packets_lost=lost,
        frames_sent=during[sender],
        frames=seen.frames,
        frames_own=own,
        frames_missing=seen.missing(sender),
        frames_unreadable=seen.unreadable,
        frames_foreign=sum(map(len, seen.numbers.values())) - own,
        sounds=heard.windows,
        tones_own=heard.tones[sender],
        tones_foreign=heard.tones.total() - heard.tones[sender],
    )


def _ms(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(max(1000 * (end - begin), 0), 1)


async def _look_at_record(troupe: Troupe, report: Report, endpoints: dict[str, int], rng: random.Random) -> None:
    """Wait for verdict and files, fetch the files, and examine them."""
    facts = await _finished(troupe, report)
    report.recording, report.verdict, report.segments = facts["recording"], facts["verdict"], facts["segments"]
    report.recorded_seconds = None if facts["recorded_ms"] is None else facts["recorded_ms"] / 1000
    with TemporaryDirectory(prefix="yuanjian-rehearsal-") as folder:
        for index, item in enumerate(facts["files"]):
            path = Path(folder) / str(index)
            await troupe.files.download(item["url"], path)
            owner = await asyncio.to_thread(whose, path) if item["endpoint"] is None else endpoints[item["endpoint"]]
            publication = str(item["publication"])
            report.files.append(await asyncio.to_thread(examine, path, owner or 0, publication, rng))


async def _finished(troupe: Troupe, report: Report) -> Facts:
    """Ask until the record has its verdict and a file per participant, or time is up; return what there is."""
    deadline = time.monotonic() + RECORDED_SECONDS
    files = report.participants if report.recorded else 0
    while True:
        facts = await troupe.record()
        if (facts["verdict"] and len(facts["files"]) >= files) or time.monotonic() > deadline:
            return facts
        await asyncio.sleep(_POLL_SECONDS)
