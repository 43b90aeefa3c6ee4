"""The golden recordings: verified and played by this version, and read by a stranger who has only the format's page."""

import base64
import hashlib
import json
import re
import shutil
import struct
from pathlib import Path

import av
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from recordings.derived import SealedReader
from recordings.layout import RecordingFiles
from recordings.reader import Reader
from recordings.verify import verify

GOLDEN = Path(__file__).parents[1] / "golden"
PAGE = Path(__file__).parents[2] / "docs" / "RECORDING-FORMAT.md"
VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


@pytest.fixture(params=VERSIONS)
def golden(request):
    return GOLDEN / request.param


def data_key_of(golden):
    private = serialization.load_pem_private_key((golden / "keys" / "site-kek.pem").read_bytes(), None)
    (wrap,) = json.loads((golden / "recordings" / "golden-1" / "keys.json").read_bytes())["wraps"]
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    return suite.decrypt(base64.b64decode(wrap["sealed"]), private, b"yuanjian/wrap/1\ngolden-1")


def test_the_golden_recording_verifies(golden):
    """INTACT with its declared gap, as on the day it was made."""
    found = verify(golden / "recordings" / "golden-1")
    assert (found.exit_code, found.takes, found.duration_ms, found.frames) == (0, 2, 9000, 6)


def test_a_cut_of_the_newest_golden_recording_is_found(tmp_path):
    """Its ledger knows the end: without its last lines it is MISSING, not merely incomplete."""
    copy = shutil.copytree(GOLDEN / VERSIONS[-1], tmp_path / "golden") / "recordings" / "golden-1"
    assert "not-in-ledger" not in verify(copy).remarks
    lines = (copy / "chain.jsonl").read_bytes().splitlines(keepends=True)
    assert b'"ledger":"ledger.example' in lines[0]
    (copy / "chain.jsonl").write_bytes(b"".join(lines[:-1]))
    assert "chain-cut" in {item.cause for item in verify(copy).findings()}


def test_the_golden_recording_plays(golden, tmp_path):
    """Its packets are read and its derived file opens."""
    files, key = RecordingFiles(golden / "recordings" / "golden-1"), data_key_of(golden)
    reader = Reader(files, key)
    assert sum(1 for packet in reader.packets() if not packet.is_report) > 300
    assert reader.unreadable == 0
    assert [entry["public"]["second"] for entry in reader.log()] == [0, 1, 2, 0, 1]
    with SealedReader(files.derived / "01-camera-01.webm", key, "golden-1") as derived:
        (tmp_path / "x.webm").write_bytes(derived.read(0, derived.length))
    with av.open(str(tmp_path / "x.webm")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 75


def test_one_bit_of_the_golden_recording_is_found(golden, tmp_path):
    """The verifier that accepts it also refuses it altered."""
    shutil.copytree(golden, tmp_path / "copy")
    path = tmp_path / "copy" / "recordings" / "golden-1" / "seg-000002"
    data = bytearray(path.read_bytes())
    data[9000] ^= 1
    path.write_bytes(data)
    assert verify(path.parent).exit_code == 1


# A stranger's reader: only the page, the standard library and an implementation of the named algorithms.


def strangers_lines(path):
    previous, key = "0" * 64, None
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True)):
        text, signature = line.rstrip(b"\n").split(b"\t")
        body = json.loads(text)
        assert (body["n"], body["prev"]) == (number, previous)
        if body["type"] == "genesis":
            key = body["site"]
        if body["type"] == "take":
            said = {name: body[name] for name in ("key", "recording", "take")}
            message = b"yuanjian/take/1\n" + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
            public(body["site"]).verify(base64.b64decode(body["cert"]), message)
            key = body["key"]
        public(key).verify(base64.b64decode(signature), b"yuanjian/chain/1\n" + text)
        previous = hashlib.sha256(line).hexdigest()
        yield body


def public(text):
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text))


def strangers_section(root, key, bodies, segment):
    plain = b""
    data = (root / f"seg-{segment:06d}").read_bytes()
    for body in bodies:
        if body["type"] == "frame" and body["segment"] == segment:
            stored = data[body["offset"] : body["offset"] + body["length"]]
            assert hashlib.sha256(stored).hexdigest() == body["stored"]
            header, salt = stored[:56], stored[40:56]
            frame_key = HKDF(SHA256(), 32, salt, b"yuanjian/frame/1\n" + header).derive(key)
            plain += AESGCM(frame_key).decrypt(bytes(12), stored[56:], header)
    return plain


def test_a_stranger_reads_it_from_the_page_alone():
    """Signatures, links, frames, packets and log, by code that shares nothing with ours."""
    golden = GOLDEN / "v1"
    root, key = golden / "recordings" / "golden-1", data_key_of(golden)
    bodies = list(strangers_lines(root / "chain.jsonl"))
    counted = 0
    for segment in (1, 2):
        section, offset = strangers_section(root, key, bodies, segment), 0
        while offset < len(section):
            kind, size = struct.unpack_from("<II", section, offset)
            if kind == 6:
                length = struct.unpack_from("<I", section, offset + 20)[0]
                packet = section[offset + 28 : offset + 28 + length]
                counted += packet[28] >> 6 == 2 and packet[21] % 2 == 0
            offset += size
    assert counted == sum(body["packets"] for body in bodies if body["type"] == "frame")
    first = json.loads((root / "log.jsonl").read_bytes().splitlines()[0])
    info = b"yuanjian/log/1\n" + hashlib.sha256(b"golden-1").digest()[:16] + first["number"].to_bytes(8, "big")
    sealed = base64.b64decode(first["sealed"])
    entry = json.loads(AESGCM(HKDF(SHA256(), 32, sealed[:16], info).derive(key)).decrypt(bytes(12), sealed[16:], info))
    assert entry["private"] == {"note": "第0秒"}


def test_the_worked_example_of_the_page_is_true():
    """The bytes printed there are those of the golden recording."""
    golden, page = GOLDEN / "v1", PAGE.read_text()
    key = data_key_of(golden)
    stored = (golden / "recordings" / "golden-1" / "seg-000001").read_bytes()
    assert f"`{key.hex()}`" in page
    shown = re.search(r"^    594a4631 .*$", page, re.MULTILINE)[0].replace(" ", "")
    assert shown == stored[:56].hex()
    frame_key = HKDF(SHA256(), 32, stored[40:56], b"yuanjian/frame/1\n" + stored[:56]).derive(key)
    assert f"`{frame_key.hex()}`" in page
