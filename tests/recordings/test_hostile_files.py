"""Whatever lies in a recording's folder: every command answers in words, and looking changes nothing."""

import asyncio
import os
import shutil

import pytest
import synthetic
import typer
from typer.testing import CliRunner

from recordings.commands import mount
from recordings.finalize import Finalizer
from recordings.jobs import handlers
from recordings.library import Library

app = typer.Typer()
mount(app)


@pytest.fixture
def made(studio):
    """Two seconds of sound with their film, closed."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).close()
    Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    return studio


def put(name, content):
    """A file with other content than it had, or one that was not there."""
    return lambda root: (root / name).write_bytes(content)


def lines(change):
    """The lines of the chain, changed."""

    def work(root):
        chain = root / "chain.jsonl"
        chain.write_bytes(b"".join(change(chain.read_bytes().splitlines(keepends=True))))

    return work


def instead(name, make):
    """Something that is no file in the place of one."""

    def work(root):
        path = root / name
        path.unlink(missing_ok=True)
        make(path)

    return work


def cut(name, share):
    return lambda root: os.truncate(root / name, int((root / name).stat().st_size * share))


def swapped(found):
    found[3], found[6] = found[6], found[3]
    return found


DEEP = b"[" * 100_000
CHANGES = {
    "chain half": (cut("chain.jsonl", 0.5), 3),
    "chain without its end": (lines(lambda found: found[:-1]), 3),
    "chain empty": (put("chain.jsonl", b""), 3),
    "chain of zeros": (put("chain.jsonl", bytes(5000)), 3),
    "chain without line feeds": (put("chain.jsonl", b"{}" * 500), 3),
    "chain gone": (instead("chain.jsonl", lambda path: None), 1),
    "chain a folder": (instead("chain.jsonl", lambda path: path.mkdir()), 1),
    "chain a pipe": (instead("chain.jsonl", os.mkfifo), 1),
    "chain endless": (instead("chain.jsonl", lambda path: path.symlink_to("/dev/zero")), 1),
    "chain a loop": (instead("chain.jsonl", lambda path: path.symlink_to(path)), 1),
    "lines swapped": (lines(swapped), 1),
    "lines backwards": (lines(lambda found: found[::-1]), 1),
    "no genesis": (lines(lambda found: found[1:]), 1),
    "no take": (lines(lambda found: [line for line in found if b'"type":"take"' not in line]), 1),
    "lines gone": (lines(lambda found: found[:4] + found[6:]), 1),
    "line twice": (lines(lambda found: found[:5] + found[4:]), 1),
    "a line nested": (lines(lambda found: [*found[:3], DEEP + b"\tAAAA\n", *found[4:]]), 1),
    "a line of digits": (lines(lambda found: [*found[:3], b"9" * 99_999 + b"\tAAAA\n", *found[4:]]), 1),
    "a line of no text": (lines(lambda found: [*found[:3], b"\xff\xfe\x00\n", *found[4:]]), 1),
    "carriage returns": (lines(lambda found: [line.replace(b"\n", b"\r\n") for line in found]), 1),
    "a mark of bytes": (lines(lambda found: [b"\xef\xbb\xbf" + found[0], *found[1:]]), 1),
    "segment gone": (instead("seg-000001", lambda path: None), 1),
    "segment half": (cut("seg-000001", 0.5), 1),
    "segment empty": (cut("seg-000001", 0), 1),
    "segment renamed": (lambda root: (root / "seg-000001").rename(root / "seg-000009"), 1),
    "segment a folder": (instead("seg-000001", lambda path: path.mkdir()), 1),
    "segment a pipe": (instead("seg-000001", os.mkfifo), 1),
    "segment of a wild number": (put("seg-" + "9" * 30, b"x"), 3),
    "keys gone": (instead("keys.json", lambda path: None), 1),
    "keys no keys": (put("keys.json", b'{"wraps":[{"to":1,"sealed":[]},7]}'), 1),
    "keys nested": (put("keys.json", DEEP), 1),
    "keys a folder": (instead("keys.json", lambda path: path.mkdir()), 1),
    "later keys nested": (put("keys-0001.json", DEEP), 0),
    "log gone": (instead("log.jsonl", lambda path: None), 1),
    "log no log": (put("log.jsonl", b'{"number":-1,"sealed":"AA"}\n\n\xff\n' + DEEP), 1),
    "time stamps of nothing": (put("timestamps.jsonl", b'{"of":-1,"token":"AA","digest":7}\n[]\n' + DEEP), 0),
    "ledger nested": (put("ledger.jsonl", DEEP), 1),
    "ledger of nothing": (put("ledger.jsonl", b'{"proofs":5}\tAAAA\n'), 1),
    "erased by nobody": (put("erased.jsonl", DEEP + b"\tAAAA\n"), 0),
    "sidecar nested": (put("derived/x.json", DEEP), 0),
    "sidecar a folder": (lambda root: (root / "derived" / "x.json").mkdir(), 0),
    "film half": (cut("derived/01-camera-01.webm", 0.5), 0),
    "summary nested": (put(".summary", DEEP + b"\tAAAA\n"), 0),
}
"""What is done to a recording, and the exit status of ``verify``; 0 for what is beside the record."""


def contents(root):
    return {
        path: path.read_bytes() if path.is_file() else "" for path in sorted(root.rglob("*")) if not path.is_symlink()
    }


@pytest.mark.parametrize("name", CHANGES)
def test_every_command_answers_and_looking_changes_nothing(made, tmp_path, name):
    """A verdict with range and cause, or a word why not; never a traceback, never without an end."""
    change, status = CHANGES[name]
    root = made.files.root
    change(root)
    before = contents(root)

    def run(*arguments):
        options = [] if arguments[0] == "verify" else ["--data-dir", str(made.data_dir)]
        done = CliRunner().invoke(app, [*map(str, arguments), *options])
        assert done.exception is None or isinstance(done.exception, SystemExit), (arguments, done.exception)
        assert done.exit_code == 0 or done.output.strip(), (arguments, "failed without a word")
        return done

    found = run("verify", root)
    assert found.exit_code == status, found.output
    run("verify", root, "--json")
    run("recordings", "list")
    assert run("recordings", "scrub").exit_code == (1 if status == 1 or "film" in name or "sidecar" in name else 0)
    run("export", "rec-1", "-o", tmp_path / "clear.zip")
    run("export", "rec-1", "-o", tmp_path / "sealed.zip", "--encrypted")
    assert contents(root) == before
    run("backup", tmp_path / "copy")
    run("keys", "escrow-test", made.data_dir / "keys" / "site-kek.pem")
    run("recordings", "repair", "rec-1", "--from", tmp_path / "copy")
    assert run("recordings", "repair", "rec-1", "--from", tmp_path / "nowhere").exit_code == 2
    run("recordings", "finalize", "rec-1")
    run("keys", "rotate")


@pytest.mark.parametrize("name", ["chain half", "chain without its end"])
async def test_a_recording_that_was_ended_is_not_ended_again(made, sqlite_database, name):
    """Its chain lost the end: neither command nor worker signs another, and what is there stays for the repair; the
    films, which show more, too. Mended it is what it was."""
    copy = shutil.copytree(made.data_dir, made.data_dir.parent / "copy")
    CHANGES[name][0](made.files.root)
    before = contents(made.files.root)
    arguments = ["recordings", "finalize", "rec-1", "--data-dir", str(made.data_dir)]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert (done.exit_code, "mend it from a second copy" in done.output) == (2, True)
    await handlers(made.data_dir, sqlite_database, made.clock)["finalize_recording"]({"recording": "rec-1"})
    after = contents(made.files.root)
    assert {path: after[path] for path in before} == before
    assert {path.name for path in after.keys() - before.keys()} <= {".lock"}
    arguments = ["recordings", "repair", "rec-1", "--from", str(copy), "--data-dir", str(made.data_dir)]
    assert "INTACT" in (await asyncio.to_thread(CliRunner().invoke, app, arguments)).output
    assert (await Library(made.data_dir, made.clock).verify("rec-1")).exit_code == 0
