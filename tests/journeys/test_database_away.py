"""The database goes away in the middle of a session: media and record go on, pages say so, nothing is told twice."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import PeerError
from recordings.verdicts import Verdict
from recordings.verify import verify
from rehearsal.site import Site
from tests.campaigns import campaign, rounds
from tests.conftest import Cluster, new_cluster
from tests.journeys.conftest import Server, yuanjian
from tests.journeys.crew import Pair, chain, finish, recorded

pytestmark = pytest.mark.postgres

AWAY_S = rounds(4, 60)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server that may be stopped."""
    made = new_cluster()
    yield made
    made.stop()


@pytest.fixture
async def server(cluster: Cluster, tmp_path: Path) -> Iterator[Server]:
    """A server on that database."""
    await cluster.create("site", "template1")
    running = Server(tmp_path / "data", environment={"YUANJIAN_DATABASE_URL": cluster.url("site")})
    running.start()
    await asyncio.to_thread(running.wait_ready)
    yield running
    await asyncio.to_thread(running.stop)


@campaign
async def test_session_goes_on_while_the_database_is_away(cluster: Cluster, server: Server, tmp_path: Path) -> None:
    """Seconds go on becoming durable, entries made meanwhile reach chain and database once, and it all verifies. Four
    seconds without it here, a minute in the soak."""
    token = tmp_path / "token"
    environment = {"YUANJIAN_DATABASE_URL": cluster.url("site")}
    yuanjian("token", "create", "--data-dir", str(server.data_dir), "--file", str(token), environment=environment)
    async with Site(server.url, token.read_text().strip()) as site:
        session = (await site.post("api/rehearsals", {"participants": 2, "minutes": 30}))["session"]
        pair = Pair(site, session)
        await pair.enter()
        await pair.begin()
        await recorded(pair.host, 2)
        cluster.halt()
        for label in ("away 1", "away 2", "away 3"):
            await pair.host.act("marker", label=label)
        for _ in range(AWAY_S // 4):
            await recorded(pair.host, 4)
        assert pair.other.state == "live"
        with pytest.raises(PeerError, match="database-unavailable"):
            await site.get(f"api/rehearsals/{session}")
        cluster.start()
        await recorded(pair.host, 2)
        result = await finish(pair)
        await pair.close()
    markers = [record for record in chain(server, result["recording"]) if is_marker(record)]
    assert len(markers) == 3, "each marker stands in the chain once"
    assert verify(server.data_dir / "recordings" / result["recording"]).verdict is Verdict.INTACT


def is_marker(record: dict[str, object]) -> bool:
    return record["type"] == "log" and "marker" in json.dumps(record)
