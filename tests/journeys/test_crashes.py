"""Any process killed in the middle of a recorded session: what was kept, what is said, and that it goes on."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recordings.verdicts import Verdict
from recordings.verify import verify
from rehearsal.recorded import examine
from rehearsal.site import Site
from tests.journeys.conftest import Server
from tests.journeys.crew import Pair, chain, finish, recorded, resume

LOST_AT_MOST = timedelta(seconds=2)
"""Evidence fault F1: how much of the newest media a kill may cost."""
READY_WITHIN, SLACK = timedelta(seconds=10), 3
"""F1: how soon the service is back, and how much more on a machine that has other things to do."""


@pytest.fixture
async def pair(site: Site) -> AsyncIterator[Pair]:
    """Two participants in a live rehearsal of whom three seconds are on disk."""
    session = (await site.post("api/rehearsals", {"participants": 2, "minutes": 30}))["session"]
    made = Pair(site, session)
    await made.enter()
    await made.begin()
    await recorded(made.host, 3)
    yield made
    await made.close()


async def test_killed_relay_costs_at_most_two_seconds(server: Server, pair: Pair, tmp_path: Path) -> None:
    """The media process dies: held, what was acknowledged is there, a new take goes on, the whole is intact."""
    acknowledged = await recorded(pair.host, 1)
    killed = datetime.now(UTC)
    server.kill("media-0")
    await pair.host.until(lambda: pair.host.state == "held", "being held")
    assert pair.host.view["reason"], "everybody is told why"
    await pair.close()
    await asyncio.to_thread(server.wait_ready)
    assert datetime.now(UTC) - killed < SLACK * READY_WITHIN
    await pair.enter()
    await pair.host.until(lambda: pair.host.view["rights"]["host"] and pair.host.state == "held", "the host's return")
    await resume(pair)
    await recorded(pair.host, 2)
    result = await finish(pair)
    records = list(chain(server, result["recording"]))
    takes = [record for record in records if record["type"] == "take"]
    recovered = [record for record in records if record["type"] == "recovered"]
    assert len(takes) == 2
    assert len(recovered) == 1
    check_cost(records, acknowledged, killed)
    verdict = verify(server.data_dir / "recordings" / result["recording"])
    assert verdict.exit_code == 0, verdict.to_json()
    await playable(pair, result, tmp_path)


def check_cost(records: list[dict[str, Any]], acknowledged: datetime, killed: datetime) -> None:
    """The first take holds what was acknowledged, and all but the newest of what came before the kill."""
    kept = kept_until(records, take=1)
    assert kept >= acknowledged, "something acknowledged is missing"
    assert killed - kept <= LOST_AT_MOST, f"{killed - kept} before the kill are missing"


def kept_until(records: list[dict[str, Any]], *, take: int) -> datetime:
    """The instant up to which the frames of ``take`` hold everything."""
    opened = next(record for record in records if record["type"] == "take" and record["take"] == take)
    last = max(record["to_ms"] for record in records if record["type"] == "frame" and record["take"] == take)
    return datetime.fromtimestamp(int(opened["utc_ns"]) / 1e9 + (last - opened["ms"]) / 1000, UTC)


async def playable(pair: Pair, result: dict[str, Any], folder: Path) -> None:
    """Each participant's files hold that participant's picture and sound."""
    for number, one in ((1, pair.host), (2, pair.other)):
        files = [item for item in result["files"] if item["endpoint"] == one.endpoint]
        assert files, f"participant {number} was not recorded"
        for place, item in enumerate(files):
            target = folder / f"{number}-{place}.webm"
            await pair.site.download(item["url"], target)
            found = await asyncio.to_thread(examine, target, number, "camera", random.Random(place))
            assert not found.error
            assert found.frames_own > 0


async def test_killed_web_process_leaves_the_recording_whole(server: Server, pair: Pair, tmp_path: Path) -> None:
    """The web process dies: recording goes on without a gap, the session is back as held, and can go on."""
    killed = datetime.now(UTC)
    server.kill("web")
    await pair.host.until(lambda: pair.host._gone, "the connection breaking")  # nothing else tells of the kill
    await asyncio.to_thread(server.wait_ready)
    assert datetime.now(UTC) - killed < SLACK * READY_WITHIN
    for one in (pair.host, pair.other):
        await one.close()
    await pair.enter()
    await pair.host.until(lambda: pair.host.state == "held", "being held after the restart")
    assert pair.host.view["reason"] == "server-restarted"
    await resume(pair)
    await recorded(pair.host, 2)
    result = await finish(pair)
    records = list(chain(server, result["recording"]))
    assert [record["take"] for record in records if record["type"] == "take"] == [1]
    assert not [record for record in records if record["type"] == "gap"]
    assert verify(server.data_dir / "recordings" / result["recording"]).verdict is Verdict.INTACT
    await playable(pair, result, tmp_path)


async def test_killed_recorder_holds_and_goes_on_without_anybody_coming_back(
    server: Server, pair: Pair, tmp_path: Path
) -> None:
    """The recorder process dies: held with a reason, another takes up the record, nobody lost the connection."""
    acknowledged = await recorded(pair.host, 1)
    killed = datetime.now(UTC)
    server.kill_recorder("media-0")
    await pair.host.until(lambda: pair.host.state == "held", "being held")
    assert pair.host.view["reason"], "everybody is told why"
    await pair.host.act("resume", reason="after the fault")
    await pair.host.until(lambda: pair.host.state == "live", "going on")
    await recorded(pair.host, 2)
    result = await finish(pair)
    records = list(chain(server, result["recording"]))
    assert [record["take"] for record in records if record["type"] == "take"] == [1, 2]
    check_cost(records, acknowledged, killed)
    verdict = verify(server.data_dir / "recordings" / result["recording"])
    assert verdict.exit_code == 0, verdict.to_json()
    await playable(pair, result, tmp_path)


async def test_killed_worker_finishes_after_its_restart(server: Server, pair: Pair) -> None:
    """The worker dies as the session ends: its next life makes the files."""
    server.kill("worker")
    result = await finish(pair)
    assert result["verdict"] == "INTACT"


async def test_relay_and_pages_killed_together_come_back(server: Server, pair: Pair, tmp_path: Path) -> None:
    """Both die in one instant, as in a power cut: the session is held, recovered, and ends intact."""
    server.kill("media-0")
    server.kill("web")
    await pair.host.until(lambda: pair.host._gone, "the connection breaking")
    await asyncio.to_thread(server.wait_ready)
    await pair.close()
    await pair.enter()
    await pair.host.until(lambda: pair.host.state == "held", "being held after the restart")
    await resume(pair)
    result = await finish(pair)
    assert verify(server.data_dir / "recordings" / result["recording"]).exit_code == 0
    await playable(pair, result, tmp_path)


async def test_orderly_stop_loses_nothing_and_the_session_is_taken_up(
    server: Server, pair: Pair, tmp_path: Path
) -> None:
    """SIGTERM in a live session: everything acknowledged is kept, and the next start holds it, ready to go on."""
    acknowledged = await recorded(pair.host, 1)
    assert await asyncio.to_thread(server.stop) == 0
    await pair.close()
    server.start()
    await asyncio.to_thread(server.wait_ready)
    await pair.enter()
    await pair.host.until(lambda: pair.host.state == "held", "being held after the restart")
    await resume(pair)
    await recorded(pair.host, 1)
    result = await finish(pair)
    assert kept_until(list(chain(server, result["recording"])), take=1) >= acknowledged
    assert verify(server.data_dir / "recordings" / result["recording"]).exit_code == 0
    await playable(pair, result, tmp_path)
