"""Real recordings for page tests: made by the recorder's own code, read by the library that pages use."""

import atexit
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from recordings.compose import Composer, Wishes
from recordings.finalize import Finalizer
from recordings.jobs import refresh
from recordings.keys import FileKeys
from recordings.library import Library
from recordings.logbook import Entry
from recordings.models import Recording
from scheduler.models import Booking
from tests.recordings import synthetic
from tests.recordings.studio import Studio
from tests.web.world import NOON, World

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "v1"
MADE = "interrogation-1"
BEGAN = NOON + timedelta(minutes=2)
SCRIPT: tuple[tuple[int, dict[str, Any], dict[str, Any]], ...] = (
    (0, {"event": "opened", "kind": "interrogation"}, {}),
    (0, {"event": "joined", "endpoint": "e1", "role": "host"}, {"label": "周建平"}),
    (0, {"event": "person", "endpoint": "e1", "present": "p1", "role": "officer"}, {"name": "周建平"}),
    (0, {"event": "person", "endpoint": "e1", "present": "p2", "role": "officer"}, {"name": "林晓燕"}),
    (0, {"event": "custody", "step": "brought"}, {}),
    (1, {"event": "joined", "endpoint": "e2", "role": "room"}, {"label": "讯问室 1"}),
    (1, {"event": "person", "endpoint": "e2", "present": "p3", "role": "detainee"}, {"name": "王立刚"}),
    (1, {"event": "person-confirmed", "present": "p3", "how": "facility"}, {}),
    (1, {"event": "state", "from": "waiting", "to": "arming", "reason": ""}, {}),
    (2, {"event": "recorder-ready", "take": 1}, {}),
    (2, {"event": "state", "from": "arming", "to": "live", "reason": ""}, {}),
    (3, {"event": "marker", "by": "e1"}, {"label": "出示物证 3"}),
    (5, {"event": "device", "endpoint": "e2", "kind": "video", "state": "lost", "alarm": True}, {}),
    (6, {"event": "state", "from": "live", "to": "held", "reason": "stopped"}, {"name": "周建平", "words": "休息"}),
    (8, {"event": "resume", "by": "e1", "after": "stopped"}, {"words": "休息结束，摄像头已恢复"}),
    (8, {"event": "state", "from": "held", "to": "live", "reason": ""}, {}),
    (14, {"event": "marker", "by": "e1"}, {"label": "核对笔录"}),
    (16, {"event": "state", "from": "live", "to": "ended", "reason": "ended-by-host"}, {}),
    (16, {"event": "custody", "step": "returned"}, {}),
)
"""What is logged in which second of the recording."""


def script_of(witness: str) -> tuple[tuple[int, dict[str, Any], dict[str, Any]], ...]:
    """The same of a statement: the person in the room is a witness, and what was written names them."""

    def told(entry: tuple[int, dict[str, Any], dict[str, Any]]) -> tuple[int, dict[str, Any], dict[str, Any]]:
        at, public, private = entry
        if public.get("present") == "p3" and public["event"] == "person":
            return at, public | {"role": "witness"}, {"name": witness}
        if "label" in private and public["event"] == "marker":
            return at, public, {"label": f"{witness}：{private['label']}"}
        return entry

    return tuple(told(entry) for entry in SCRIPT if entry[1]["event"] != "custody")


class Scripted(Studio):
    """A studio whose log follows a script instead of counting seconds."""

    said = 0
    script = SCRIPT

    def _tick(self, second: int, log: bool) -> None:
        assert self.take is not None
        assert self.tape is not None
        passed = round((self.clock.now() - BEGAN).total_seconds())
        due = [entry for entry in self.script[self.said :] if entry[0] <= passed]
        self.said += len(due)
        now, last = self.clock.now(), self.take.standing.last_entry
        for number, (_, public, private) in enumerate(due, last + 1):
            self.tape.log(Entry(number, now, public, private), self.clock.monotonic_ns())
        super()._tick(second, log=False)


def _streams(seconds: int) -> list[synthetic.Sent]:
    """Sound and picture of two places."""
    found = []
    for number, endpoint, role in ((1, "e1", "host"), (3, "e2", "room")):
        sound = replace(synthetic.track(number, "audio", "opus", endpoint), role=role)
        picture = replace(synthetic.track(number + 1, "video", "vp8", endpoint), role=role)
        found += [synthetic.audio_stream(sound, seconds), synthetic.video_stream(picture, seconds)]
    return synthetic.merged(*found)


@cache
def made(composed: bool, witness: str = "") -> Path:
    """A data directory with one recording of two places: held once, one restart of the recorder, its films. With a
    ``witness`` it is of a statement in which they are named."""
    place = Path(tempfile.mkdtemp(prefix="yjrec"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    studio = Scripted(place, MADE)
    studio.script = script_of(witness) if witness else SCRIPT
    studio.clock.set(BEGAN)
    studio.begin().play(_streams(10)).crash()
    studio.clock.advance(3)
    studio.begin().play(_streams(5)).close()
    Finalizer(place, lambda: studio.site, studio.clock, studio.disk).run(MADE)
    if composed:
        wishes = Wishes(title="讯问", labels={"e1": "办案民警 周建平", "e2": "被讯问人 王立刚"})
        Composer(place, lambda: studio.site, studio.clock, studio.disk).run(MADE, wishes, lambda done, total: None)
    return place


@cache
def golden() -> Path:
    """The golden recording with a signing key of nobody beside it: only its public half was kept, and pages sign
    nothing."""
    place = Path(tempfile.mkdtemp(prefix="yjgold"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    shutil.copytree(GOLDEN, place, dirs_exist_ok=True)
    other = Path(tempfile.mkdtemp(prefix="yjkey"))
    FileKeys.ensure(other)
    shutil.move(other / "keys" / "site-signing.pem", place / "keys")
    shutil.rmtree(other)
    return place


async def adopt(site: World, session: Booking, recording: str = MADE, *, source: Path | None = None) -> Recording:
    """Put a recording below the site's own library and say that ``session`` took place and is what it holds."""
    data_dir = site.settings.data_dir
    shutil.copytree(source or made(False), data_dir, dirs_exist_ok=True)
    await refresh(Library(data_dir, site.clock), site.database, site.clock, recording)
    async with site.database.transaction() as tx:
        row = await tx.get_one(Recording, recording)
        booking = await tx.get_one(Booking, session.id)
        row.session = booking.id
        booking.started, booking.ended = row.started, row.ended
    return row
