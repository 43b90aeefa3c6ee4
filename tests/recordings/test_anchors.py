"""Ledger and chain tied together: a chain that was cut cannot pass for a crash."""

import json
import shutil
import subprocess
import sys
import zipfile

import pytest
import synthetic

from core import ledger
from core.checkpoints import Log
from core.vault import Vault
from recordings import anchors, proving, store
from recordings.abandoned import close_abandoned
from recordings.chain import sha256
from recordings.export import export
from recordings.jobs import handlers, prove_recording, refresh
from recordings.keys import FileKeys
from recordings.library import Library
from recordings.upkeep import scrub_round
from recordings.verdicts import Verdict
from recordings.verify import verify

SOUND = synthetic.track(1, "audio", "opus")


def sound(seconds):
    return synthetic.audio_stream(SOUND, seconds)


async def told(studio, database):
    """The ledger learns where the chain stands, as from the relay's event."""
    assert studio.take is not None
    standing = studio.take.standing
    details = {"take": studio.take.number, "ms": standing.last_ms, "digest": standing.writing.head}
    async with database.transaction() as tx:
        await ledger.append(tx, anchors.HEAD, actor="system", subject="rec-1", at=studio.clock.now(), details=details)


def cut(studio, ms):
    """Take everything after a second away, neatly: nothing of it can be seen in the files."""
    lines = studio.files.chain.read_bytes().splitlines(keepends=True)
    bodies = [json.loads(line.partition(b"\t")[0]) for line in lines]
    last = max(i for i, body in enumerate(bodies) if body["type"] == "frame" and body["to_ms"] <= ms)
    studio.files.chain.write_bytes(b"".join(lines[: last + 1]))
    with studio.files.segment(1).open("r+b") as file:
        file.truncate(bodies[last]["offset"] + bodies[last]["length"])
    spoken = {body["stored"] for body in bodies[: last + 1] if body["type"] == "log"}
    log = studio.files.log.read_bytes().splitlines(keepends=True)
    studio.files.log.write_bytes(b"".join(line for line in log if sha256(line) in spoken))


@pytest.fixture
async def crashed(studio, sqlite_database):
    """Six seconds and a crash; the ledger knows the second and the fifth."""
    studio.begin().play(sound(2))
    await told(studio, sqlite_database)
    studio.play(sound(3))
    await told(studio, sqlite_database)
    studio.play(sound(1)).crash()
    return studio


def close(studio):
    studio.clock.advance(600)
    assert close_abandoned(studio.data_dir, "rec-1", lambda: studio.site, studio.clock, studio.disk)


async def found(studio, database):
    library = Library(studio.data_dir, studio.clock)
    async with database.transaction(write=False) as tx:
        return await library.verify("rec-1", await store.known_heads(tx, "rec-1"))


async def test_a_crash_is_a_crash(crashed, sqlite_database):
    """What was durable is there: the ledger has nothing to say against it."""
    close(crashed)
    assert (await found(crashed, sqlite_database)).exit_code == 0


async def test_a_cut_chain_does_not_pass_for_a_crash(crashed, sqlite_database):
    """By its own signatures it is whole; the ledger names the seconds that were taken away."""
    cut(crashed, 3000)
    close(crashed)
    assert verify(crashed.files.root).exit_code == 0
    said = await found(crashed, sqlite_database)
    (item,) = [item for item in said.ranges if item.cause == "chain-cut"]
    assert (said.exit_code, item.verdict, item.from_ms, item.to_ms) == (1, Verdict.MISSING, 2000, 5000)
    row = await refresh(Library(crashed.data_dir, crashed.clock), sqlite_database, crashed.clock, "rec-1")
    assert row.verdict == "MISSING"


async def test_cut_seconds_recorded_anew_do_not_pass_either(crashed, sqlite_database):
    """A chain that goes on from the cut as if nothing had been is found, by the job and by the weekly round."""
    cut(crashed, 3000)
    crashed.begin().play(sound(9)).close()
    assert verify(crashed.files.root).exit_code == 0
    assert (await found(crashed, sqlite_database)).exit_code == 1
    library = Library(crashed.data_dir, crashed.clock)
    await refresh(library, sqlite_database, crashed.clock, "rec-1")
    assert (await scrub_round(library, sqlite_database, crashed.clock, ())).spoilt == ("rec-1",)


@pytest.fixture
async def proved(crashed, sqlite_database):
    """Closed by recovery, finished by the job, and its proofs laid beside it from the signed ledger."""
    crashed.clock.advance(600)
    await handlers(crashed.data_dir, sqlite_database, crashed.clock)["finalize_recording"]({"recording": "rec-1"})
    vault = Vault(crashed.data_dir / "secrets")
    vault.ensure(crashed.clock.now())
    log = Log(sqlite_database, crashed.data_dir / "ledger", vault)
    with pytest.raises(proving.NotYet):
        await proving.prove(Library(crashed.data_dir, crashed.clock), sqlite_database, "rec-1")
    await log.advance(crashed.clock)
    await prove_recording(Library(crashed.data_dir, crashed.clock), sqlite_database, crashed.clock, "rec-1")
    assert (crashed.files.root / anchors.FILE).is_file()
    return crashed


async def test_with_its_proofs_the_files_alone_tell(proved, tmp_path):
    """Anybody who has them finds the cut; untouched there is neither finding nor remark."""
    whole = verify(proved.files.root)
    assert whole.exit_code == 0
    assert "not-in-ledger" not in whole.remarks
    cut(proved, 3000)
    said = verify(proved.files.root)
    assert said.exit_code == 1
    assert "chain-cut" in {item.cause for item in said.findings()}


@pytest.mark.parametrize("what", ["digest", "signature", "other-recording", "proof", "key", "nonsense"])
async def test_proofs_that_do_not_hold_are_found(proved, what, tmp_path):
    """Altered, foreign or torn, they are MODIFIED and prove nothing."""
    path = proved.files.root / anchors.FILE
    raw = path.read_bytes()
    said = json.loads(raw.partition(b"\t")[0])
    match what:
        case "digest":
            said["proofs"][0]["entry"] = said["proofs"][0]["entry"].replace('"digest":"', '"digest":"0')
        case "other-recording":
            said["recording"] = "rec-2"
        case "proof":
            said["proofs"][0]["proof"] = said["proofs"][0]["proof"][1:]
        case "key":
            said["key"] = said["key"].replace("+", "x+", 1)
    made = anchors.document(said["recording"], said["key"], said["proofs"], proved.site)
    if what == "signature":
        made = anchors.document(said["recording"], said["key"], said["proofs"], FileKeys.ensure(tmp_path / "other"))
    path.write_bytes(b"[[[" if what == "nonsense" else made)
    found = verify(proved.files.root)
    assert (found.exit_code, [item.cause for item in found.findings() if item.verdict is Verdict.MODIFIED]) == (
        1,
        ["ledger-altered"],
    )


async def test_the_bundles_own_verifier_finds_the_cut_too(proved, tmp_path):
    """In a bundle whose chain was cut both verifiers name the same seconds."""
    made = export(proved.data_dir, "rec-1", tmp_path / "b.zip", proved.site, proved.clock)
    with zipfile.ZipFile(made.bundle) as archive:
        archive.extractall(tmp_path / "b")
    assert own(tmp_path / "b", made.fingerprint)["verdict"] == "INTACT"
    shutil.rmtree(tmp_path / "b")
    cut(proved, 3000)
    made = export(proved.data_dir, "rec-1", tmp_path / "b.zip", proved.site, proved.clock)
    with zipfile.ZipFile(made.bundle) as archive:
        archive.extractall(tmp_path / "b")
    theirs = [item for item in own(tmp_path / "b", made.fingerprint)["findings"] if item["cause"] == "chain-cut"]
    ours = [item for item in verify(tmp_path / "b").ranges if item.cause == "chain-cut"]
    assert {(item["from_ms"], item["to_ms"]) for item in theirs} >= {(i.from_ms, i.to_ms) for i in ours} != set()


def own(folder, site):
    command = [sys.executable, "-I", "-S", "verify.py", ".", "--json", "--site", site]
    return json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout)
