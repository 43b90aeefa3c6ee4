"""Timestamps of an authority that is there, away, or somebody else."""

import asyncio
import base64
import hashlib
import json

import pytest
import synthetic
from authority import LocalAuthority

from core.clock import SystemClock
from core.jobs import Worker
from media.ports import RecordingSpec
from recordings import timestamps
from recordings.chain import walk
from recordings.export import export
from recordings.jobs import handlers
from recordings.journal import Recorders
from recordings.keys import FileKeys
from recordings.timestamps import AuthorityAway, HttpAuthority, TokenInvalid, check_token
from recordings.verify import verify
from recordings.writer import ThreadWriters


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    authority = LocalAuthority(tmp_path_factory.mktemp("tsa") / "one")
    yield authority
    authority.stop()


def pin(studio, local):
    (studio.data_dir / "keys" / timestamps.AUTHORITY).write_bytes(local.root)


def test_a_token_fits_its_digest_only(local):
    """Over another digest, altered, or checked with another root it is refused."""
    digest = hashlib.sha256(b"head").digest()
    token = HttpAuthority(local.url, local.root).stamp(digest)
    assert check_token(token, digest, [local.root]).authority == "CN=Test time stamps"
    spoilt = bytearray(token)
    spoilt[-5] ^= 1
    for bad, over in (
        (token, hashlib.sha256(b"x").digest()),
        (bytes(spoilt), digest),
        (b"", digest),
        (b"\x30\x00", digest),
    ):
        with pytest.raises(TokenInvalid):
            check_token(bad, over, [local.root])


def test_an_authority_with_the_wrong_certificate_is_refused(local, tmp_path):
    """Its answer is not kept, whoever signed it."""
    other = LocalAuthority(tmp_path / "other")
    try:
        with pytest.raises(TokenInvalid):
            HttpAuthority(other.url, local.root).stamp(bytes(32))
    finally:
        other.stop()


def test_an_authority_that_is_away_says_so(local):
    """Refused connections and errors are the same: later."""
    with pytest.raises(AuthorityAway):
        HttpAuthority("http://127.0.0.1:9/", local.root).stamp(bytes(32))


def test_a_proxy_of_the_environment_is_not_asked_for_a_token(proxied, free_port):
    """The authority that was pinned is asked, or nobody."""
    with pytest.raises(AuthorityAway):
        HttpAuthority(f"http://127.0.0.1:{free_port}/", b"").stamp(bytes(32))
    assert not proxied()


async def test_an_open_chain_is_stamped_while_it_grows(local, tmp_path, monkeypatch):
    """Tokens become records of the chain, and verify with the pinned certificate. While the authority is away, or its
    word is of another, seconds go on becoming durable without."""
    monkeypatch.setattr(timestamps, "EVERY", 0.1)
    site = FileKeys.ensure(tmp_path)
    (tmp_path / "keys" / timestamps.AUTHORITY).write_bytes(local.root)
    writers = ThreadWriters(tmp_path, lambda: site, SystemClock(), authority=HttpAuthority(local.url, local.root))
    recorders = Recorders(writers, SystemClock(), tick=0.05)
    spec = RecordingSpec("rec-1", "s", "interrogation", "clear", 1)
    durable, failed = [], []
    local.away = True
    recorder = await recorders.arm(
        spec, durable=lambda _, ms: durable.append(ms), failed=failed.append, gap=print, head=lambda _: None
    )
    chain = tmp_path / "recordings" / "rec-1" / "chain.jsonl"
    async with asyncio.timeout(20):
        while len(durable) < 20:
            await asyncio.sleep(0.05)
    assert not any(walk(chain.read_bytes()).signed("timestamp"))
    local.away = False
    async with asyncio.timeout(20):
        while not any(walk(chain.read_bytes()).signed("timestamp")):
            await asyncio.sleep(0.05)
    await recorder.close("ended")
    found = verify(chain.parent)
    assert found.exit_code == 0
    assert found.provenance.timestamps
    assert all(item["ok"] for item in found.provenance.timestamps)
    assert not failed


async def test_an_authority_away_for_a_day_is_asked_until_it_is_back(finished, local, sqlite_database):
    """Every ten minutes, by the worker, as long as it takes; nothing else waits for it, and one token comes of it."""
    pin(finished, local)
    known = handlers(finished.data_dir, sqlite_database, finished.clock, HttpAuthority(local.url, local.root))
    asked: list[bool] = []

    async def timestamp(payload):
        asked.append(local.away)
        await known["timestamp_recording"](payload)

    worker = Worker(sqlite_database, finished.clock, {**known, "timestamp_recording": timestamp})
    local.away = True
    await known["timestamp_recording"]({"recording": "rec-1"})
    for _ in range(24 * 6):
        finished.clock.advance(600)
        while await worker.run_one():
            pass
    assert asked == [True] * 24 * 6
    assert verify(finished.files.root).exit_code == 0
    local.away = False
    finished.clock.advance(600)
    while await worker.run_one():
        pass
    found = verify(finished.files.root)
    assert (found.exit_code, [item["ok"] for item in found.provenance.timestamps]) == (0, [True])
    finished.clock.advance(3600)
    assert not await worker.run_one(), "it is not asked again"


async def test_a_recording_goes_on_while_the_authority_is_away_and_is_stamped_later(finished, local, sqlite_database):
    """Tokens queue: the job asks again later and then puts one beside the closed chain."""
    pin(finished, local)
    run = handlers(finished.data_dir, sqlite_database, finished.clock, HttpAuthority(local.url, local.root))
    local.away = True
    await run["finalize_recording"]({"recording": "rec-1"})
    assert "not-timestamped" in verify(finished.files.root).remarks
    assert verify(finished.files.root).exit_code == 0
    local.away = False
    await run["timestamp_recording"]({"recording": "rec-1"})
    await run["timestamp_recording"]({"recording": "rec-1"})
    found = verify(finished.files.root)
    assert (found.exit_code, [item["ok"] for item in found.provenance.timestamps]) == (0, [True])


def stamped(finished, local):
    pin(finished, local)
    timestamps.stamp_closed(finished.files, HttpAuthority(local.url, local.root), finished.disk)
    return finished.files.root / "timestamps.jsonl"


def test_a_token_of_something_else_is_found(finished, local):
    """A token moved, altered or made for another digest makes the recording MODIFIED."""
    path = stamped(finished, local)
    body = json.loads(path.read_bytes())
    other = HttpAuthority(local.url, local.root).stamp(bytes(32))
    for change in ({"of": 3}, {"token": base64.b64encode(other).decode()}, {"token": "!"}, {"of": "x"}):
        path.write_text(json.dumps({**body, **change}) + "\n")
        found = verify(finished.files.root)
        assert (found.exit_code, found.findings()[0].cause) == (1, "token-invalid")


def test_without_a_pinned_certificate_tokens_are_a_remark(finished, local):
    """They prove nothing then, and nothing is claimed."""
    stamped(finished, local)
    (finished.data_dir / "keys" / timestamps.AUTHORITY).unlink()
    found = verify(finished.files.root)
    assert (found.exit_code, found.provenance.timestamps) == (0, ())
    assert "timestamps-not-checked" in found.remarks


def test_a_bundle_carries_its_time_stamps(finished, local, tmp_path):
    """Its own verifier checks them with openssl."""
    import subprocess
    import sys
    import zipfile

    stamped(finished, local)
    made = export(finished.data_dir, "rec-1", tmp_path / "b.zip", finished.site, finished.clock)
    with zipfile.ZipFile(made.bundle) as archive:
        archive.extractall(tmp_path / "b")
    command = [sys.executable, "-I", "verify.py", ".", "--json", "--site", made.fingerprint]
    done = subprocess.run(command, cwd=tmp_path / "b", capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout)["timestamps"]) == (0, 1), done.stdout


def test_a_recording_of_one_participant_needs_no_authority(studio):
    """Without one configured, nothing asks and nothing is missing but the stamp."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 1)).close()
    assert verify(studio.files.root).remarks.count("not-timestamped") == 1
