"""The bundle: checked by its own verifier, by hand, and by ours, with the same answer."""

import functools
import hashlib
import json
import os
import random
import runpy
import shutil
import subprocess
import sys
import zipfile

import av
import pytest
import synthetic

from recordings import keys, rotation
from recordings.export import export
from recordings.finalize import Finalizer
from recordings.verify import verify
from tests.campaigns import campaign, rounds, seed

TAMPERINGS = rounds(250, 100_000)
BY_HAND = rounds(25, 2_000)


def tampered(rng, data):
    """One flipped bit, or some bytes cut, repeated, exchanged or taken from the end."""
    at, length = rng.randrange(len(data)), rng.randrange(1, 200)
    match rng.randrange(5):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + length :]
        case 2:
            return data[:at] + data[at : at + length] + data[at:]
        case 3:
            return data[:at] + rng.randbytes(length) + data[at + length :]
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


@pytest.fixture
def bundle(studio, tmp_path):
    """A recording of two participants with a crash in it, finalised, exported and unpacked."""
    streams = []
    for number, endpoint in enumerate(("ep-a", "ep-b")):
        sound = synthetic.track(1 + 2 * number, "audio", "opus", endpoint)
        streams += [
            synthetic.audio_stream(sound, 3),
            synthetic.video_stream(synthetic.track(2 + 2 * number, "video", "vp8", endpoint), 3),
        ]
    studio.begin().play(synthetic.merged(*streams)).crash()
    studio.clock.advance(2)
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).close()
    Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    made = export(studio.data_dir, "rec-1", tmp_path / "b.zip", studio.site, studio.clock)
    with zipfile.ZipFile(made.bundle) as archive:
        archive.extractall(tmp_path / "bundle")
    return tmp_path / "bundle", made


def own(folder, *arguments):
    """Run the bundle's verifier as its reader does: no environment of ours."""
    command = [sys.executable, "-I", "-S", "verify.py", ".", "--json", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}


def test_the_bundle_verifies_by_its_own_verifier(bundle):
    """With the site's fingerprint given beside it: INTACT; without: nobody knows whose it is; with another: refused."""
    folder, made = bundle
    status, said = own(folder, "--site", made.fingerprint)
    assert (status, said["verdict"], said["digest"]) == (0, "INTACT", made.digest)
    assert own(folder)[0] == 3
    assert own(folder, "--site", "0" * 64)[0] == 1
    assert own(folder, "--site", str(made.bundle) + ".site.txt")[0] == 0


def test_the_bundle_verifies_by_hand(bundle):
    """sha256sum and openssl, step by step, come to the same answer; a changed byte stops them."""
    folder, made = bundle
    done = subprocess.run(["sh", "by-hand.sh", made.fingerprint], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "INTACT"), done.stdout + done.stderr
    assert made.digest in done.stdout
    path = folder / "recording" / "seg-000001.pcapng"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    assert subprocess.run(["sh", "by-hand.sh", made.fingerprint], cwd=folder, capture_output=True).returncode != 0


def test_our_verifier_reads_bundles_too(bundle):
    """Unpacked or as a zip file, with the key pinned."""
    folder, made = bundle
    trust = keys.read_trust(made.fingerprint)
    assert verify(made.bundle, trust).exit_code == 0
    assert verify(folder, trust).exit_code == 0
    assert verify(made.bundle).exit_code == 3


@pytest.mark.parametrize(
    "name",
    [
        "recording/seg-000001.pcapng",
        "recording/chain.jsonl",
        "recording/keys.json",
        "recording/log.json",
        "derived/01-camera-01.webm",
        "derived/01-camera-01.webm.json",
        "statement.jsonl",
        "README.html",
    ],
)
def test_a_changed_byte_in_the_bundle_is_found(bundle, name):
    """Whichever file it is in, by both verifiers and by hand; a file that is gone or has another name as well."""
    folder, made = bundle
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(data)
    assert statuses(folder, made) == (1, 1, 1)
    (folder / name).write_bytes(whole)
    assert statuses(folder, made) == (0, 0, 0)
    (folder / name).rename(folder / name.replace(".", "-other.", 1))
    assert statuses(folder, made) == (1, 1, 1)


def test_a_film_nobody_listed_is_found(bundle):
    """Nothing vouches for it: all three say so, and what the site listed still stands."""
    folder, made = bundle
    (folder / "derived" / "better.mp4").write_bytes(b"a film of somebody else")
    assert statuses(folder, made) == (3, 3, 3)


def statuses(folder, made):
    """What ``yuanjian verify``, the bundle's own verifier and the steps by hand answer."""
    ours = verify(folder, keys.read_trust(made.fingerprint)).exit_code
    by_hand = subprocess.run(["sh", "by-hand.sh", made.fingerprint], cwd=folder, capture_output=True).returncode
    return ours, own(folder, "--site", made.fingerprint)[0], by_hand


def test_both_verifiers_name_the_same_second(bundle):
    """A frame altered, a line taken out, a segment cut: the same verdict over the same time."""
    folder, made = bundle
    trust = keys.read_trust(made.fingerprint)

    def altered(data):
        return data[:9000] + bytes([data[9000] ^ 1]) + data[9001:]

    def without_a_line(data):
        lines = data.splitlines(keepends=True)
        return b"".join(lines[:9] + lines[10:])

    for name, change in (
        ("seg-000001.pcapng", altered),
        ("seg-000001.pcapng", lambda data: data[: len(data) // 2]),
        ("chain.jsonl", without_a_line),
        ("chain.jsonl", altered),
    ):
        path = folder / "recording" / name
        kept = path.read_bytes()
        path.write_bytes(change(kept))
        ours, (status, theirs) = verify(folder, trust), own(folder, "--site", made.fingerprint)
        path.write_bytes(kept)
        assert (ours.exit_code, ours.verdict.value) == (status, theirs["verdict"]), name
        grave = {(i.from_ms, i.verdict.value) for i in ours.findings() if i.verdict.value in ("MODIFIED", "MISSING")}
        said = {(f["from_ms"], f["verdict"]) for f in theirs["findings"] if f["cause"] != "file-altered"}
        assert grave <= said, name


def small_bundle(studio, tmp_path):
    """Two seconds of sound, finalised, exported and unpacked; and the bundle's own verifier, called in this process.

    A signature is the same each time it is looked at, so the plain and slow arithmetic is done once for each.
    """
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).close()
    Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    made = export(studio.data_dir, "rec-1", tmp_path / "b.zip", studio.site, studio.clock)
    with zipfile.ZipFile(made.bundle) as archive:
        archive.extractall(tmp_path / "b")
    theirs = runpy.run_path(str(tmp_path / "b" / "verify.py"))["main"]
    theirs.__globals__["is_signed"] = functools.lru_cache(10_000)(theirs.__globals__["is_signed"])
    return tmp_path / "b", made, theirs


def spoil(rng, folder, path):
    """Change one file, and now and then its digest in the list too. Returns how to undo it; ``None`` if it is as it
    was."""
    listed = folder / "SHA256SUMS"
    kept = {path: path.read_bytes(), listed: listed.read_bytes()}
    changed = tampered(rng, kept[path])
    if changed == kept[path]:
        return None
    path.write_bytes(changed)
    if path != listed and rng.randrange(4) == 0:
        old, new = (hashlib.sha256(data).hexdigest().encode() for data in (kept[path], changed))
        listed.write_bytes(kept[listed].replace(old, new))
    return lambda: [file.write_bytes(data) for file, data in kept.items()]


@campaign
def test_random_tampering_of_a_bundle_is_found_by_both_verifiers(studio, tmp_path, capsys, monkeypatch):
    """Whatever is done to any of its files, neither says INTACT, and both name a cause; untouched, both always do."""
    folder, made, theirs = small_bundle(studio, tmp_path)
    trust, rng = keys.read_trust(made.fingerprint), random.Random(seed(20261125))
    monkeypatch.setattr(sys, "argv", ["verify.py", str(folder), "--site", made.fingerprint, "--json"])
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for number in range(TAMPERINGS):
        if number % 25 == 0:
            assert (theirs(), verify(folder, trust).exit_code) == (0, 0)
        path = rng.choice(paths)
        undo = spoil(rng, folder, path)
        if undo is None:
            continue
        capsys.readouterr()
        status, ours = theirs(), verify(folder, trust)
        said = capsys.readouterr().out
        assert status != 0, path.name
        assert ours.exit_code != 0, path.name
        assert ours.unusable or ours.findings(), path.name
        assert not said.startswith("{") or json.loads(said)["findings"], path.name
        undo()
    assert (theirs(), verify(folder, trust).exit_code) == (0, 0)


def by_hand(script, folder, site):
    """Exit status and last line of the steps by hand, read from a copy that nobody changed."""
    done = subprocess.run(["sh", str(script), site], cwd=folder, capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout.splitlines()[-1:]


@campaign
def test_random_tampering_of_a_bundle_is_found_by_hand(studio, tmp_path, capsys, monkeypatch):
    """Whatever the bundle's verifier finds in any of its files, openssl and sha256sum alone find too: they claim all of
    it. Untouched they always say INTACT."""
    folder, made, theirs = small_bundle(studio, tmp_path)
    script = tmp_path / "by-hand.sh"
    script.write_bytes((folder / "by-hand.sh").read_bytes())
    rng, found = random.Random(seed(20261126)), 0
    monkeypatch.setattr(sys, "argv", ["verify.py", str(folder), "--site", made.fingerprint, "--json"])
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for _ in range(BY_HAND):
        path = rng.choice(paths)
        undo = spoil(rng, folder, path)
        if undo is None:
            continue
        status, last = by_hand(script, folder, made.fingerprint)
        if theirs() != 0:
            found += 1
            assert status != 0, path.name
        assert (status == 0) == (last == ["INTACT"]), path.name
        undo()
    assert by_hand(script, folder, made.fingerprint) == (0, ["INTACT"])
    with capsys.disabled():
        print(f" {found} tamperings found by hand ", end="")
    assert found > BY_HAND * 0.9


def from_step(number, folder, path):
    """The steps by hand from this one on, as somebody types them who trusts no list of files."""
    text = (folder / "by-hand.sh").read_text("utf-8")
    path.write_text(text[: text.index("# 1.")] + text[text.index(f"# {number}.") :], "utf-8")
    return path


@campaign
def test_random_tampering_of_the_chain_is_found_by_hand_without_the_list_of_files(studio, tmp_path):
    """Steps 3 to 6 alone: every change of the chain or of picture and sound stops them."""
    folder, made, _ = small_bundle(studio, tmp_path)
    script, rng = from_step(3, folder, tmp_path / "from-3.sh"), random.Random(seed(20261127))
    paths = [folder / "recording" / "chain.jsonl", *sorted((folder / "recording").glob("seg-*"))]
    for _ in range(BY_HAND):
        path = rng.choice(paths)
        kept = path.read_bytes()
        changed = tampered(rng, kept)
        path.write_bytes(changed)
        status, last = by_hand(script, folder, made.fingerprint)
        assert (status == 0, last == ["INTACT"]) == (changed == kept,) * 2, path.name
        path.write_bytes(kept)
    assert by_hand(script, folder, made.fingerprint) == (0, ["INTACT"])


def changed_signature(line):
    """The last character before the padding carries four bits that mean nothing."""
    return line[:-4] + bytes([line[-4] + 1]) + line[-3:]


@pytest.mark.parametrize(
    ("name", "change", "status"),
    [
        ("chain.jsonl", lambda data: data[:-1], 3),
        ("chain.jsonl", lambda data: b"".join((lines := data.splitlines(True))[:-3] + lines[-1:])[:-1], 3),
        ("chain.jsonl", lambda data: data[:-1] + b"\tmore\n", 1),
        ("chain.jsonl", changed_signature, 1),
        ("seg-000001.pcapng", lambda data: data + b"more", 3),
    ],
    ids=["no newline", "two lines gone, no newline", "a third field", "another spelling", "a longer segment"],
)
def test_aimed_tampering_is_found_by_hand_without_the_list_of_files(studio, tmp_path, name, change, status):
    """What chance does not reach: the edges of what a shell reads as a line, and what lies after the last frame."""
    folder, made, _ = small_bundle(studio, tmp_path)
    script = from_step(3, folder, tmp_path / "from-3.sh")
    assert by_hand(script, folder, made.fingerprint) == (0, ["INTACT"])
    path = folder / "recording" / name
    path.write_bytes(change(path.read_bytes()))
    assert by_hand(script, folder, made.fingerprint)[0] == status


@pytest.mark.parametrize("name", ["derived/01-camera-01.webm", "recording/log.json", "README.html"])
def test_a_changed_file_with_its_digest_changed_in_the_list_is_found(bundle, name):
    """The list is signed: whoever changes a film and its line in the list is found by both verifiers."""
    folder, made = bundle
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data + b" ")
    old, new = hashlib.sha256(data).hexdigest(), hashlib.sha256(data + b" ").hexdigest()
    listed = (folder / "SHA256SUMS").read_text()
    (folder / "SHA256SUMS").write_text(listed.replace(old, new))
    status, said = own(folder, "--site", made.fingerprint)
    assert (status, [f["cause"] for f in said["findings"] if f["verdict"] == "MODIFIED"]) == (1, ["sums-altered"])
    found = verify(folder, keys.read_trust(made.fingerprint))
    assert (found.exit_code, [i.cause for i in found.ranges if i.verdict.value == "MODIFIED"]) == (1, ["sums-altered"])


@pytest.mark.parametrize("name", ["derived/01-camera-01.webm", "SHA256SUMS", "recording/log.json"])
def test_a_file_taken_out_of_the_bundle_is_missed(bundle, name):
    """What the site listed must be there; a bundle without its list is not complete either."""
    folder, made = bundle
    (folder / name).unlink()
    assert own(folder, "--site", made.fingerprint)[1]["verdict"] == "MISSING"
    assert verify(folder, keys.read_trust(made.fingerprint)).verdict.value == "MISSING"


@pytest.mark.parametrize("name", ["derived/better.mp4", "recording/seg-000009.pcapng", "recording/aside.txt"])
def test_a_file_put_into_the_bundle_is_said_to_be_nobodys(bundle, name):
    """Both verifiers name it, and neither calls the bundle intact; nor do the steps by hand."""
    folder, made = bundle
    (folder / name).write_bytes(b"film")
    status, said = own(folder, "--site", made.fingerprint)
    found = verify(folder, keys.read_trust(made.fingerprint))
    assert (status, found.exit_code, by_hand(folder / "by-hand.sh", folder, made.fingerprint)[0]) == (3, 3, 3)
    assert "file-unlisted" in {f["cause"] for f in said["findings"]} & {item.cause for item in found.findings()}


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("gone")],
    ids=["pipe", "device", "nothing"],
)
@pytest.mark.parametrize(
    "name", ["site.pub", "SHA256SUMS", "statement.jsonl", "recording/chain.jsonl", "derived/more.mp4"]
)
def test_what_is_no_file_ends_the_steps_by_hand_and_both_verifiers(bundle, name, make):
    """Nobody waits for the end of a pipe or of a device that has none."""
    folder, made = bundle
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    assert by_hand(folder / "by-hand.sh", folder, made.fingerprint)[0] == 3
    assert own(folder, "--site", made.fingerprint)[0] != 0
    assert verify(folder, keys.read_trust(made.fingerprint)).exit_code != 0


def test_a_bundle_made_after_the_site_changed_its_key_verifies_with_the_new_one(studio, tmp_path):
    """The newest key vouches for those before it: by both verifiers, and by hand. Another site's key does not."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).close()
    rotation.rotate_signing(studio.data_dir, studio.disk)
    made = export(studio.data_dir, "rec-1", tmp_path / "b.zip", keys.FileKeys(studio.data_dir), studio.clock)
    assert made.fingerprint != keys.fingerprint(studio.site.public())
    with zipfile.ZipFile(made.bundle) as archive:
        archive.extractall(tmp_path / "b")
    status, said = own(tmp_path / "b", "--site", made.fingerprint)
    assert (status, said["verdict"]) == (0, "INTACT")
    assert verify(made.bundle, keys.read_trust(made.fingerprint)).exit_code == 0
    assert (own(tmp_path / "b")[0], verify(made.bundle).exit_code) == (3, 3)
    assert (own(tmp_path / "b", "--site", "0" * 64)[0], verify(made.bundle, frozenset({"0" * 64})).exit_code) == (1, 1)
    done = subprocess.run(["sh", "by-hand.sh", made.fingerprint], cwd=tmp_path / "b", capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "INTACT"), done.stdout + done.stderr


def test_a_stranger_cannot_vouch_for_the_sites_key(studio, tmp_path):
    """A bundle that somebody else packed anew around a true recording, with films of their own, is refused."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).close()
    stranger = keys.FileKeys.ensure(tmp_path / "stranger")
    public = studio.data_dir / "keys" / "site.pub"
    mine = public.read_text()
    public.write_text(keys.pem(stranger.public()) + mine)
    made = export(studio.data_dir, "rec-1", tmp_path / "b.zip", stranger, studio.clock, encrypted=True)
    public.write_text(mine)
    with zipfile.ZipFile(made.bundle) as archive:
        archive.extractall(tmp_path / "b")
    site = keys.fingerprint(studio.site.public())
    status, said = own(tmp_path / "b", "--site", site)
    assert (status, {f["cause"] for f in said["findings"]}) == (1, {"bundle-foreign"})
    assert verify(made.bundle, frozenset({site})).verdict.value == "MODIFIED"


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("recording/chain.jsonl", None, 1),
        ("recording/chain.jsonl", b"", 1),
        ("recording/chain.jsonl", bytes(999), 1),
        ("recording/chain.jsonl", DEEP + b"\tAAAA\n", 1),
        ("recording/log.json", DEEP, 1),
        ("recording/keys.json", DEEP, 1),
        ("recording/timestamps.jsonl", b'{"of":-1,"token":"AA","digest":7}\n[]\n' + DEEP, 3),
        ("recording/ledger.jsonl", DEEP, 1),
        ("statement.jsonl", DEEP, 1),
        ("SHA256SUMS", b"0" * 64 + b"  ../../../etc/passwd\n", 1),
        ("SHA256SUMS.sig", b"", 1),
        ("site.pub", b"\xff no key", 1),
    ],
)
def test_wild_files_in_a_bundle_get_the_same_verdict_of_both_and_nobody_is_upset(bundle, name, content, status):
    """No traceback (``own`` looks), the same answer, and the steps by hand stop too."""
    folder, made = bundle
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_bytes(content)
    script = folder.parent / "by-hand.sh"
    shutil.copy(folder / "by-hand.sh", script)
    assert own(folder, "--site", made.fingerprint)[0] == status
    assert verify(folder, keys.read_trust(made.fingerprint)).exit_code == status
    assert by_hand(script, folder, made.fingerprint)[0] != 0


def test_what_can_be_played_is_in_the_bundle_in_clear(bundle):
    """Any player opens the derived files; the log is readable with its names."""
    folder, _ = bundle
    for path in (folder / "derived").glob("*.webm"):
        with av.open(str(path)) as container:
            assert next(container.decode(video=0)).width == 160
    assert json.loads((folder / "recording" / "log.json").read_text())[0]["private"] == {"note": "第0秒"}


def test_an_encrypted_bundle_tells_nothing_and_verifies(studio, finished, tmp_path):
    """No packet, no name in clear; the chain is checked all the same, by both."""
    Finalizer(finished.data_dir, lambda: finished.site, finished.clock, finished.disk).run("rec-1")
    made = export(finished.data_dir, "rec-1", tmp_path / "e.zip", finished.site, finished.clock, encrypted=True)
    with zipfile.ZipFile(made.bundle) as archive:
        assert not [n for n in archive.namelist() if n.endswith((".pcapng", "log.json"))]
        archive.extractall(tmp_path / "e")
    assert own(tmp_path / "e", "--site", made.fingerprint)[0] == 0
    done = subprocess.run(["sh", "by-hand.sh", made.fingerprint], cwd=tmp_path / "e", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    everything = b"".join(p.read_bytes() for p in (tmp_path / "e").rglob("*") if p.is_file())
    assert "第0秒".encode() not in everything


def test_the_readers_page_names_digest_and_fingerprint(bundle):
    """It is complete without a network and nothing is left to fill in."""
    folder, made = bundle
    page = (folder / "README.html").read_text()
    assert made.digest in page
    assert made.fingerprint in page
    assert "{{" not in page
    assert "http" not in page


def test_the_sums_cover_every_file(bundle):
    """Nothing is in the bundle that the site did not list."""
    folder, _ = bundle
    listed = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    present = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert present - listed == {"SHA256SUMS", "SHA256SUMS.sig"}


def test_a_bundle_that_is_no_zip_is_unusable(tmp_path):
    """Half a bundle is exit 2, never a traceback."""
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 half")
    assert verify(tmp_path / "x.zip").exit_code == 2


def test_the_own_verifier_agrees_on_the_signature_algorithm():
    """Its Ed25519 accepts what the library signs and refuses every changed bit."""
    import importlib.util
    import os
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = Path(shutil.__file__).parent and Path(keys.__file__).parent / "bundle" / "verify.py"
    spec = importlib.util.spec_from_file_location("bundled_verify", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for _ in range(5):
        private, message = Ed25519PrivateKey.generate(), os.urandom(40)
        public, signature = private.public_key().public_bytes_raw(), private.sign(message)
        assert module.is_signed(public, signature, message)
        for at in (0, 31, 32, 63):
            spoilt = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
            assert not module.is_signed(public, spoilt, message)
        assert not module.is_signed(public, signature, message + b"x")
    assert hashlib.sha256(b"").hexdigest() == module.root_of([]).hex()
