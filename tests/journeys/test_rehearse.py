"""The operator's self-test, from the command line: a server of its own, whole sessions, the recording opened again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bare import PYTHON, bare, python

ROOT = Path(__file__).resolve().parents[2]


def yuanjian(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "main.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize("participants", [2, 6])
def test_everybody_receives_everybody_and_the_record_holds_it(tmp_path: Path, participants: int) -> None:
    """Codes and tones arrive on every line, are in every recorded file, and the kept recording verifies by itself, here
    and as a bundle on a machine without our software."""
    kept = tmp_path / "kept"
    done = yuanjian("rehearse", "--participants", str(participants), "--seconds", "4", "--keep", str(kept), "--json")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{_log(kept)}"
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["missing"] == []
    assert told["verdict"] == "INTACT"
    assert len(told["lines"]) == participants * (participants - 1)
    assert {file["participant"] for file in told["files"]} == set(range(1, participants + 1))
    _check_bundle(tmp_path, kept, told["recording"])
    _check_kept(kept / "recordings" / told["recording"])
    print(json.dumps({key: value for key, value in told.items() if key not in ("lines", "files")}))


@pytest.mark.parametrize("kind", ["interrogation", "statement"])
def test_a_questioning_is_booked_held_and_recorded(tmp_path: Path, kind: str) -> None:
    """Booked through the pages, entered by terminal or invitation, recorded, and played by the reviewer."""
    told = _played(tmp_path / "kept", kind)
    assert told["verdict"] == "INTACT"
    assert {file["participant"] for file in told["files"]} == {1, 2}
    assert all(file["seeks"] for file in told["files"])


def test_a_visit_leaves_a_chain_without_picture_or_sound(tmp_path: Path) -> None:
    """Lawyer and client see and hear each other; what is kept is an intact chain, and no media, encrypted or not."""
    told = _played(tmp_path / "kept", "visit")
    assert told["verdict"] == "INTACT"
    assert told["files"] == []
    recording = tmp_path / "kept" / "recordings" / told["recording"]
    assert (recording / "chain.jsonl").is_file()
    assert list(recording.glob("seg-*")) == []


def _played(kept: Path, kind: str) -> dict[str, Any]:
    done = yuanjian("rehearse", "--kind", kind, "--seconds", "3", "--keep", str(kept), "--json")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{_log(kept)}"
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["ok"] is True
    return told


def _check_kept(recording: Path) -> None:
    """Chain beside segments; ``verify`` says INTACT, and MODIFIED after one bit of a segment is changed."""
    assert (recording / "chain.jsonl").is_file()
    segment = next(iter(sorted(recording.glob("seg-*"))))
    intact = yuanjian("verify", str(recording), "--json")
    assert intact.returncode == 0, intact.stdout + intact.stderr
    assert json.loads(intact.stdout)["verdict"] == "INTACT"
    stored = bytearray(segment.read_bytes())
    stored[len(stored) // 2] ^= 1
    segment.write_bytes(stored)
    assert yuanjian("verify", str(recording), "--json").returncode == 1


def _check_bundle(tmp_path: Path, kept: Path, recording: str) -> None:
    """Unpacked where nothing of ours is, its own verifier and the printed commands say INTACT, and say no after one
    byte of a second was changed."""
    away = tmp_path / "away"
    away.mkdir()
    made = yuanjian("export", recording, "-o", str(away / "bundle.zip"), "--data-dir", str(kept))
    assert made.returncode == 0, made.stdout + made.stderr
    fingerprint = (away / "bundle.zip.site.txt").read_text().strip()
    assert python(away, "-c", "import socket; socket.create_connection(('192.0.2.1', 9), 1)").returncode == 1
    assert "No module named 'recordings'" in python(away, "-c", "import recordings").stderr
    unpacked = python(away, "-m", "zipfile", "-e", "bundle.zip", "bundle")
    assert unpacked.returncode == 0, unpacked.stderr
    own, by_hand = _both(away, fingerprint)
    assert own.returncode == by_hand.returncode == 0, own.stdout + own.stderr + by_hand.stdout + by_hand.stderr
    assert own.stdout.startswith("INTACT")
    assert by_hand.stdout.splitlines()[-1] == "INTACT"
    spoilt = next(iter(sorted((away / "bundle" / "recording").glob("seg-*.pcapng"))))
    data = bytearray(spoilt.read_bytes())
    data[len(data) // 2] ^= 1
    spoilt.write_bytes(data)
    assert [done.returncode for done in _both(away, fingerprint)] == [1, 1]


def _both(away: Path, fingerprint: str) -> list["subprocess.CompletedProcess[str]"]:
    inside = "cd bundle && exec"
    return [
        bare(away, "sh", "-c", f"{inside} {PYTHON} -I -S verify.py . --site {fingerprint}"),
        bare(away, "sh", "-c", f"{inside} sh by-hand.sh {fingerprint}"),
    ]


def _log(kept: Path) -> str:
    log = kept / "rehearsal-server.log"
    return log.read_text()[-4000:] if log.exists() else ""
