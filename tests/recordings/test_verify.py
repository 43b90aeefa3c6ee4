"""Verdicts: what is intact, and what names its second."""

import json
import random
import shutil
import subprocess
import sys

import pytest
import synthetic
from studio import Studio

from recordings import keys
from recordings.verdicts import Verdict
from recordings.verify import verify
from tests.campaigns import campaign, rounds, seed

TAMPERINGS = rounds(500, 100_000)


def grave(found):
    return [item for item in found.ranges if item.verdict in (Verdict.MODIFIED, Verdict.MISSING)]


def test_an_untouched_recording_is_intact(finished):
    """A closed recording in its data directory is INTACT, pinned, exit 0."""
    found = verify(finished.files.root)
    assert (found.verdict, found.exit_code, found.provenance.pinned_by) == (Verdict.INTACT, 0, "data-directory")
    assert [(item.from_ms, item.to_ms, item.verdict) for item in found.ranges] == [(0, 6000, Verdict.INTACT)]


def test_one_changed_bit_names_the_second(finished):
    """A bit in the middle of the media is MODIFIED in exactly the second it lies in."""
    path = finished.files.segment(1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = verify(finished.files.root)
    (item,) = grave(found)
    assert (found.exit_code, item.to_ms - item.from_ms, item.cause) == (1, 1000, "frame-altered")


def test_verifying_changes_nothing(finished):
    """Files and their times are the same afterwards."""
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in finished.files.root.iterdir() if p.is_file()}
    verify(finished.files.root)
    assert {
        p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in finished.files.root.iterdir() if p.is_file()
    } == before


def test_elsewhere_without_a_key_the_site_is_unknown(finished, tmp_path):
    """The same files outside the data directory are UNPINNED, exit 3, and nowhere INTACT."""
    copy = shutil.copytree(finished.files.root, tmp_path / "copy")
    found = verify(copy)
    assert (found.verdict, found.exit_code) == (Verdict.UNPINNED, 3)
    assert not any(item.verdict is Verdict.INTACT for item in found.ranges)


def test_elsewhere_with_the_sites_key_it_is_intact(finished, tmp_path):
    """A trust file with the PEM key, or its fingerprint, pins the site."""
    copy = shutil.copytree(finished.files.root, tmp_path / "copy")
    text = (finished.data_dir / "keys" / "site.pub").read_text()
    assert verify(copy, keys.read_trust(text)).exit_code == 0
    assert verify(copy, keys.read_trust(keys.fingerprint(finished.site.public()))).exit_code == 0


def test_a_chain_made_by_somebody_else_is_never_intact(finished, tmp_path):
    """A flawless recording with another site's keys, put into our data directory, is refused throughout."""
    other = Studio(tmp_path / "other", "rec-2")
    other.begin().play(synthetic.merged(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 3))).close()
    shutil.copytree(other.files.root, finished.files.root.parent / "rec-2")
    found = verify(finished.files.root.parent / "rec-2")
    assert found.exit_code == 1
    assert found.provenance.foreign
    assert {item.verdict for item in found.ranges} == {Verdict.MODIFIED}


def test_a_frame_of_another_recording_is_found(finished, tmp_path):
    """A segment exchanged for another recording's is MODIFIED or MISSING, never INTACT."""
    other = Studio(finished.data_dir, "rec-2")
    other.begin().play(synthetic.merged(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 6))).close()
    shutil.copy(other.files.segment(1), finished.files.segment(1))
    assert verify(finished.files.root).exit_code == 1


@pytest.mark.parametrize("name", ["seg-000001", "log.jsonl", "keys.json", "chain.jsonl"])
def test_a_missing_file_is_missing(finished, name):
    """Each file a record speaks of is asked for."""
    (finished.files.root / name).unlink()
    found = verify(finished.files.root)
    assert (found.verdict, found.exit_code) == (Verdict.MISSING, 1)


@pytest.mark.parametrize("name", ["seg-000001", "log.jsonl", "keys.json", "chain.jsonl"])
def test_an_altered_file_is_found(finished, name):
    """One bit anywhere in a file that counts is found."""
    path = finished.files.root / name
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    assert verify(finished.files.root).exit_code == 1


def test_a_renamed_segment_is_missing_and_a_tail(finished):
    """A segment under another number is missing where it belongs, and nobody vouches for the new name."""
    finished.files.segment(1).rename(finished.files.segment(7))
    found = verify(finished.files.root)
    assert {item.cause for item in found.findings()} == {"segment-missing", "segment-unsigned"}


def test_a_chain_cut_at_its_end_is_incomplete(finished):
    """Without its last lines the chain is unaltered as far as it goes, and the rest a tail: exit 3."""
    lines = finished.files.chain.read_bytes().splitlines(keepends=True)
    finished.files.chain.write_bytes(b"".join(lines[:-4]))
    found = verify(finished.files.root)
    assert (found.verdict, found.exit_code) == (Verdict.INCOMPLETE, 3)
    assert "segment-tail" in {item.cause for item in found.findings()}


def test_a_cut_segment_is_missing_from_the_cut(finished):
    """The seconds before the cut stay intact."""
    path = finished.files.segment(1)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    found = verify(finished.files.root)
    assert found.verdict is Verdict.MISSING
    assert found.ranges[0].verdict is Verdict.INTACT


def test_bytes_after_the_end_are_a_tail(finished):
    """Something appended to a segment is not vouched for: exit 3."""
    with finished.files.segment(1).open("ab") as file:
        file.write(b"more")
    assert verify(finished.files.root).exit_code == 3


def test_lines_after_the_end_are_a_modification(finished):
    """The signed end is the end."""
    lines = finished.files.chain.read_bytes().splitlines(keepends=True)
    finished.files.chain.write_bytes(b"".join([*lines, lines[-2]]))
    assert verify(finished.files.root).exit_code == 1


def test_what_is_no_recording_is_unusable(tmp_path):
    """A folder without a recording, a missing folder and a file are exit 2."""
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        assert verify(path).exit_code == 2


def test_a_stepped_clock_is_shown_and_media_time_goes_on(studio):
    """Wall time set an hour ahead makes the rest CLOCK-SUSPECT; media time is monotonic and the exit stays 0."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 2))
    studio.clock.set(studio.clock.now().replace(hour=studio.clock.now().hour + 1))
    studio.play(synthetic.audio_stream(sound, 2)).close()
    found = verify(studio.files.root)
    assert found.exit_code == 0
    assert [(item.from_ms, item.to_ms, item.verdict) for item in found.ranges] == [
        (0, 2000, Verdict.INTACT),
        (2000, 4000, Verdict.CLOCK_SUSPECT),
    ]


def test_an_attendance_chain_without_media_is_intact(tmp_path):
    """A visit's chain holds statements and no media, and verifies."""
    studio = Studio(tmp_path / "var", policy="attendance")
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 3)).close()
    found = verify(studio.files.root)
    assert (found.exit_code, found.frames, found.duration_ms) == (0, 0, 3000)
    assert not studio.files.segments()


@campaign
def test_random_tampering_is_never_called_intact(studio):
    """Any flipped bit, cut, repetition or exchange of bytes in the recording's files is noticed, no traceback."""
    finished = studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2))
    finished.close()
    rng = random.Random(seed(20261121))
    names = ["chain.jsonl", "seg-000001", "log.jsonl", "keys.json"]
    kept = {name: (finished.files.root / name).read_bytes() for name in names}
    for _ in range(TAMPERINGS):
        name = rng.choice(names)
        changed = tampered(rng, kept[name])
        if changed == kept[name]:
            continue
        (finished.files.root / name).write_bytes(changed)
        found = verify(finished.files.root)
        assert found.exit_code != 0, (name, found)
        assert found.unusable or all(item.cause and item.from_ms <= item.to_ms for item in found.findings()), found
        assert found.unusable or found.findings() or not found.closed, found
        json.dumps(found.to_json())
        (finished.files.root / name).write_bytes(kept[name])
    assert verify(finished.files.root).exit_code == 0


def disordered(rng, root, other):
    """Do something to the files: lines reordered, files renamed, exchanged, emptied, foreign or half there."""
    chain, segment = root / "chain.jsonl", root / "seg-000001"
    lines = chain.read_bytes().splitlines(keepends=True)
    match rng.randrange(8):
        case 0:
            a, b = rng.sample(range(len(lines)), 2)
            lines[a], lines[b] = lines[b], lines[a]
            chain.write_bytes(b"".join(lines))
        case 1:
            chain.write_bytes(b"".join(lines[rng.randrange(1, len(lines)) :]))
        case 2:
            segment.rename(root / f"seg-{rng.randrange(2, 999):06d}")
        case 3:
            shutil.copy(other / rng.choice(["chain.jsonl", "keys.json", "seg-000001", "log.jsonl"]), root)
        case 4:
            chain.write_bytes(b"".join(lines)[: rng.randrange(1, sum(map(len, lines)))])
        case 5:
            rng.choice([chain, segment, root / "keys.json"]).write_bytes(rng.randbytes(rng.randrange(3000)))
        case 6:
            (root / "ledger.jsonl").write_bytes(rng.choice([b"", b"[" * 5000, lines[0], rng.randbytes(99)]))
        case _:
            path = rng.choice([chain, segment])
            path.unlink()
            path.mkdir()


def test_whatever_lies_there_gets_a_verdict_and_stays_as_it_is(tmp_path):
    """Reordered, renamed, foreign, half-written: never INTACT, never a traceback, never a changed file."""
    for name in ("mine", "other"):
        studio = Studio(tmp_path / name)
        studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).close()
    rng, trust = random.Random(20261125), keys.site_trust(tmp_path / "mine")
    for number in range(150):
        root = shutil.copytree(tmp_path / "mine" / "recordings" / "rec-1", tmp_path / f"r{number}" / "rec-1")
        disordered(rng, root, tmp_path / "other" / "recordings" / "rec-1")
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        found = verify(root, trust)
        assert found.exit_code != 0, number
        assert found.unusable or any(item.cause for item in found.findings()) or not found.closed, number
        json.dumps(found.to_json())
        assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def tampered(rng, data):
    at = rng.randrange(len(data))
    length = rng.randrange(1, 200)
    match rng.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + length :]
        case 2:
            return data[:at] + data[at : at + length] + data[at:]
        case 3:
            return data[:at] + rng.randbytes(length) + data[at + length :]
        case _:
            changed = bytearray(data)
            changed[at] ^= 1 << rng.randrange(8)
            return bytes(changed)


def test_the_verifier_needs_no_database_and_no_media_library():
    """Importing it loads neither SQLAlchemy nor PyAV."""
    check = "import sys, recordings.verify; sys.exit(bool({'sqlalchemy', 'av', 'aiohttp'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
