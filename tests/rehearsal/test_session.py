"""A whole rehearsal against a fake site: what is there is found, what is not there is named."""

import random
from typing import Any

import pytest

from rehearsal import checks
from rehearsal.report import Report
from rehearsal.session import Plan, rehearse
from rehearsal.site import Site
from rehearsal.troupe import by_token

PLAN = Plan(participants=2, seconds=1.0)


async def play(fake: Any, plan: Plan = PLAN) -> Report:
    async with Site(fake.url, "operator") as site:
        return await rehearse(by_token(site, plan.participants, plan.seconds), plan, random.Random(7))


def codes(report: Report) -> set[str]:
    return {item.code for item in checks.missing(report)}


async def test_a_faithful_site_passes(fake_site: Any) -> None:
    """Both lines and both files carry the right code and tone; joining and first pictures are timed."""
    report = await play(fake_site)
    assert checks.missing(report) == []
    assert {(line.sender, line.receiver) for line in report.lines} == {(1, 2), (2, 1)}
    assert all(line.first_frame_ms and line.packets > 10 and not line.packets_lost for line in report.lines)
    assert [len(file.seeks) for file in report.files] == [3, 3]
    assert (report.verdict, report.digest, report.recording) == ("INTACT", "aa", "r")
    told = report.as_json([])
    assert told["ok"] is True
    assert told["join_ms"] > 0
    assert told["frames_received"] >= 10


async def test_the_host_lets_all_in_before_it_confirms_and_starts(fake_site: Any) -> None:
    """Admit, then confirm, then start, then end: each once, by the host alone."""
    await play(fake_site, Plan(participants=3, seconds=1))
    moves = [(move["by"], move["type"]) for move in fake_site.moves if move["type"] not in ("ping", "name_person")]
    assert moves == [(1, "admit")] * 2 + [(1, "confirm_person")] * 3 + [(1, "start"), (1, "end")]


async def test_a_site_that_mixes_people_up_fails(fake_site: Any) -> None:
    """Participant 2 gets its own picture and sound back instead of participant 1's."""
    fake_site.forwards = lambda receiver, sender: 2 if receiver == 2 else sender
    assert await codes_of(fake_site) == {"picture", "picture-foreign", "sound", "sound-foreign"}


@pytest.mark.parametrize(
    ("recorded", "code"),
    [
        ({"shown": 9}, {"file-picture", "file-foreign"}),
        ({"mute": True}, {"file-sound", "file-seek"}),
    ],
)
async def test_a_record_of_something_else_fails(fake_site: Any, recorded: dict[str, Any], code: set[str]) -> None:
    """A recorded file that shows somebody else, or is mute, is not accepted."""
    fake_site.recorded = recorded
    assert await codes_of(fake_site) == code


async def test_a_bad_verdict_fails(fake_site: Any) -> None:
    """A recording that is not intact fails the rehearsal."""
    fake_site.verdict = "MODIFIED"
    assert await codes_of(fake_site) == {"verdict"}


async def test_a_refused_token_is_told_in_the_servers_word(fake_site: Any) -> None:
    """The stable code of the server's refusal is the reason the rehearsal broke off."""
    fake_site.token = "another"
    assert await codes_of(fake_site) == {"signed-out"}


async def test_an_unreachable_server_is_named() -> None:
    """Nobody listening ends at once with ``unreachable``."""
    async with Site("http://127.0.0.1:9", "operator") as site:
        assert codes(await rehearse(by_token(site, 2, 1), PLAN, random.Random(1))) == {"unreachable"}


async def codes_of(fake: Any) -> set[str]:
    return codes(await play(fake))
