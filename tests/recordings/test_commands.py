"""Backup, restore, scrub, repair, rotation and escrow, as an operator runs them."""

import json
import shutil

import pytest
import synthetic
import typer
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from studio import Studio
from typer.testing import CliRunner

from recordings import keys
from recordings.commands import mount
from recordings.finalize import Finalizer
from recordings.keys import FileKeys
from recordings.reader import Reader
from recordings.verify import verify

app = typer.Typer()
mount(app)


def run(studio, *arguments, status=0):
    done = CliRunner().invoke(app, [*map(str, arguments), "--data-dir", str(studio.data_dir)])
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture
def finalized(finished):
    Finalizer(finished.data_dir, lambda: finished.site, finished.clock, finished.disk).run("rec-1")
    return finished


def rot(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_backup_restored_elsewhere_verifies_and_plays(finalized, tmp_path):
    """With its keys the copy opens; only what is new is copied the second time."""
    run(finalized, "backup", tmp_path / "copy", "--with-keys")
    assert "0 files" in run(finalized, "backup", tmp_path / "copy", "--with-keys")
    new = Studio.__new__(Studio)
    new.data_dir = tmp_path / "new"
    assert "INTACT" in run(new, "restore", tmp_path / "copy")
    reader = Reader.open(new.data_dir, "rec-1", FileKeys(new.data_dir))
    assert sum(1 for _ in reader.packets()) > 300
    run(new, "restore", tmp_path / "copy", status=2)


def test_a_backup_has_no_private_key_unless_asked(finalized, tmp_path):
    """The public one goes along, so that the copy can be verified where it lies."""
    run(finalized, "backup", tmp_path / "copy")
    assert sorted(p.name for p in (tmp_path / "copy" / "keys").iterdir()) == ["site.pub"]
    assert verify(tmp_path / "copy" / "recordings" / "rec-1").exit_code == 0
    run(finalized, "backup", finalized.data_dir / "inside", status=2)


def test_the_scrub_finds_one_flipped_bit_and_repair_mends_it(finalized, tmp_path):
    """From the second copy, keeping the rotten file; a copy rotten in the same place is not taken."""
    run(finalized, "backup", tmp_path / "one")
    run(finalized, "backup", tmp_path / "two")
    rot(tmp_path / "one" / "recordings" / "rec-1" / "seg-000001")
    for name in ("seg-000001", "chain.jsonl", "log.jsonl", "keys.json"):
        rot(finalized.files.root / name)
        assert "MODIFIED" in run(finalized, "recordings", "scrub", status=1)
        output = run(finalized, "recordings", "repair", "rec-1", "--from", tmp_path / "one", "--from", tmp_path / "two")
        assert f"repaired {name}" in output
        assert "INTACT" in run(finalized, "recordings", "scrub")
    assert (finalized.files.aside / "rot-seg-000001").exists()


def test_a_missing_segment_comes_back_from_the_copy(finalized, tmp_path):
    """One copy lost, the other repairs it."""
    run(finalized, "backup", tmp_path / "one")
    finalized.files.segment(1).unlink()
    run(finalized, "recordings", "repair", "rec-1", "--from", tmp_path / "one")
    assert verify(finalized.files.root).exit_code == 0


def test_damage_without_a_good_copy_remains_and_is_said(finalized, tmp_path):
    """Repair does not make things up."""
    shutil.copytree(finalized.data_dir, tmp_path / "copy")
    rot(finalized.files.segment(1))
    shutil.copy(finalized.files.segment(1), tmp_path / "copy" / "recordings" / "rec-1")
    assert "MODIFIED" in run(finalized, "recordings", "repair", "rec-1", "--from", tmp_path / "copy", status=1)


def test_the_scrub_finds_a_rotten_derived_file(finalized):
    """It can be made again, and is named."""
    rot(next(finalized.files.derived.glob("*.webm")))
    assert "01-camera-01.webm" in run(finalized, "recordings", "scrub", status=1)


def test_after_rotation_the_new_key_opens_everything_and_the_chain_still_verifies(finalized):
    """The old wrapping key can then be destroyed."""
    run(finalized, "keys", "rotate")
    for retired in (finalized.data_dir / "keys").glob("site-kek-*.pem"):
        retired.unlink()
    site = FileKeys(finalized.data_dir)
    assert sum(1 for _ in Reader.open(finalized.data_dir, "rec-1", site).packets()) > 300
    assert verify(finalized.files.root).exit_code == 0


def test_after_a_new_signing_key_old_and_new_recordings_verify(finalized):
    """The public file holds both; the newest first."""
    old = keys.fingerprint(finalized.site.public())
    run(finalized, "keys", "rotate", "--signing")
    new = Studio(finalized.data_dir, "rec-2")
    new.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 1)).close()
    assert keys.fingerprint(new.site.public()) != old
    assert [verify(path).exit_code for path in (finalized.files.root, new.files.root)] == [0, 0]


def test_the_escrow_key_alone_opens_every_recording(tmp_path):
    """Its public half is a recipient from the first second; another key opens nothing."""
    data_dir = tmp_path / "var"
    FileKeys.ensure(data_dir)
    escrow, stranger = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    pem = escrow.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
    (data_dir / "keys" / "escrow.pub").write_bytes(pem)
    studio = Studio(data_dir)
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 1)).close()
    for name, key in (("escrow", escrow), ("stranger", stranger)):
        private = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
        (tmp_path / name).write_bytes(private)
    assert "opens  rec-1" in run(studio, "keys", "escrow-test", tmp_path / "escrow")
    assert "SHUT   rec-1" in run(studio, "keys", "escrow-test", tmp_path / "stranger", status=1)
    (tmp_path / "nokey").write_text("x")
    run(studio, "keys", "escrow-test", tmp_path / "nokey", status=2)


def test_recordings_are_listed(finalized):
    """With what an operator asks first."""
    (row,) = json.loads(run(finalized, "recordings", "list", "--json"))
    assert (row["recording"], row["duration_ms"], row["closed"], row["files"]) == ("rec-1", 6000, True, 1)


def test_finalize_and_export_at_the_command_line(finished, tmp_path):
    """An abandoned or unfinished recording is finished; its bundle is written with the fingerprint beside it."""
    assert "01-camera-01.webm" in run(finished, "recordings", "finalize", "rec-1")
    output = run(finished, "export", "rec-1", "-o", tmp_path / "b.zip")
    assert (tmp_path / "b.zip.site.txt").read_text().strip() in output
    run(finished, "export", "nothing", "-o", tmp_path / "c.zip", status=2)
    run(finished, "recordings", "finalize", "nothing", status=2)


def test_a_handover_is_checked_on_arrival(finalized, tmp_path):
    """The list is signed; what arrived is compared with it; the sheet has digests and places to sign."""
    disc = tmp_path / "disc"
    arguments = ("--recipient", "某某人民检察院", "--case", "A2026-7")
    output = run(finalized, "recordings", "handover", "rec-1", "-o", disc, *arguments)
    runner = CliRunner()
    assert runner.invoke(app, ["recordings", "receipt", str(disc)]).exit_code == 0
    page = (disc / "handover.html").read_text()
    label = page.split("<section class=label>")[1]
    assert all(word in label for word in ("移送 Handed over", "接收 Received", "class=signed"))
    assert output.split()[0] in page
    assert "某某人民检察院" in page
    assert "{{" not in page
    trust = keys.read_trust(keys.fingerprint(finalized.site.public()))
    assert verify(disc / "rec-1.zip", trust).exit_code == 0
    rot(disc / "rec-1.zip")
    assert "DIFFERS  rec-1.zip" in runner.invoke(app, ["recordings", "receipt", str(disc)]).output
    (disc / "handover.jsonl").write_bytes((disc / "handover.jsonl").read_bytes().replace(b"A2026-7", b"A2026-8"))
    assert "NOT SIGNED" in runner.invoke(app, ["recordings", "receipt", str(disc)]).output
    (disc / "handover.jsonl").write_text("x")
    assert runner.invoke(app, ["recordings", "receipt", str(disc)]).exit_code == 2
