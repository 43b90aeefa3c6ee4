"""The bundle for whoever trusts nobody: the recording, what was made of it, the keys to check it, and how.

Everything is listed in ``SHA256SUMS``, which the site signs. The site's fingerprint is written beside the bundle, not
only into it: it must reach the reader by another way.
"""

import base64
import hashlib
import html
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from core.clock import Clock
from recordings import derived, keys, printed, scrub
from recordings.bundled import DOMAIN, SIGNATURE, SITE, STATEMENT, SUMS
from recordings.canonical import canonical, instant
from recordings.chain import b64
from recordings.derived import SealedReader, Sidecar
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles, segment_name
from recordings.reader import Reader
from recordings.take import SOFTWARE
from recordings.unpacking import BUNDLED
from recordings.verdicts import Verification
from recordings.verify import verify

_TEMPLATES = Path(__file__).parent / "bundle"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    bundle: Path
    sha256: str
    fingerprint: str
    """Of the site's key: to be given to the reader by another way than the bundle."""
    digest: str
    """Of the chain's last line."""


class SumsWriter:
    """A zip file that keeps the digest of everything put into it, and ends with their signed list."""

    def __init__(self, target: Path | IO[bytes] | io.RawIOBase) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_STORED)
        self.sums: dict[str, str] = {}

    def put(self, name: str, pieces: Iterator[bytes] | bytes) -> None:
        for _ in self.feed(name, pieces):
            pass

    def feed(self, name: str, pieces: Iterator[bytes] | bytes) -> Iterator[None]:
        """Put a file in piece by piece; whoever takes the steps takes along what is written between them."""
        digest = hashlib.sha256()
        with self._zip.open(name, "w", force_zip64=True) as member:
            for piece in (pieces,) if isinstance(pieces, bytes) else pieces:
                digest.update(piece)
                member.write(piece)
                yield
        self.sums[name] = digest.hexdigest()

    def seal(self, site: SiteKeys) -> None:
        """Add ``SHA256SUMS`` and the site's signature over it."""
        sums = "".join(f"{digest}  {name}\n" for name, digest in self.sums.items()).encode()
        self.put(SUMS, sums)
        self.put(SIGNATURE, site.sign(sums))

    def close(self) -> None:
        self._zip.close()


def export(
    data_dir: Path,
    recording: str,
    output: Path,
    site: SiteKeys,
    clock: Clock,
    *,
    encrypted: bool = False,
    zone: ZoneInfo = printed.ZONE,
) -> Exported:
    """Write the bundle of a recording to ``output``, and its fingerprint beside it.

    ``encrypted`` keeps segments, log and derived files as they are stored. Raises ``KeyMissing`` and ``OSError``; a
    damaged recording is exported as it is, with the verdict on the first page.
    """
    files = RecordingFiles.of(data_dir, recording)
    beside = output.with_name(output.name + ".new")
    writer = SumsWriter(beside)
    try:
        work = _Export(files, recording, writer, site, clock, encrypted, zone)
        work.run()
    finally:
        writer.close()
    beside.replace(output)
    fingerprint = keys.fingerprint(site.public())
    note = f"{fingerprint}\n"
    output.with_name(output.name + ".site.txt").write_text(note, encoding="ascii")
    return Exported(output, _digest_of(output), fingerprint, work.reader.head)


class _Export:
    """One export."""

    def __init__(
        self,
        files: RecordingFiles,
        recording: str,
        writer: SumsWriter,
        site: SiteKeys,
        clock: Clock,
        encrypted: bool,
        zone: ZoneInfo,
    ) -> None:
        self._files = files
        self._writer = writer
        self._site = site
        self._clock = clock
        self._encrypted = encrypted
        self._zone = zone
        self._key = b"" if encrypted else keys.load_data_key(site, files, recording)
        self.reader = Reader(files, self._key)
        self._derivations: list[dict[str, Any]] = []
        self._outdated: frozenset[str] = frozenset()

    def run(self) -> None:
        found = verify(self._files.root)
        self._copy_recording()
        if self._encrypted:
            self._copy(self._files.derived, "derived")
        else:
            self._open_segments()
            self._open_log()
            self._open_derived()
        self._writer.put(SITE, keys.pem(self._site.public()).encode())
        for name in ("verify.py", "by-hand.sh"):
            self._writer.put(name, (_TEMPLATES / name).read_bytes())
        self._writer.put(STATEMENT, self._statement())
        self._writer.put("README.html", self._page(found))
        self._writer.seal(self._site)

    def _copy_recording(self) -> None:
        names = ["chain.jsonl", "keys.json", "log.jsonl", "timestamps.jsonl", "ledger.jsonl", "erased.jsonl"]
        names += [path.name for path in sorted(self._files.root.glob("keys-*.json"))]
        if self._encrypted:
            names += [path.name for path in self._files.segments().values()]
        for name in names:
            if (self._files.root / name).is_file():
                self._writer.put(f"{BUNDLED}/{name}", _pieces(self._files.root / name))
        self._copy(self._files.aside, f"{BUNDLED}/aside")
        data_dir = self._files.root.parent.parent
        authority = data_dir / "keys" / "timestamp-authority.pem"
        if authority.is_file():
            self._writer.put(f"{BUNDLED}/authority.pem", authority.read_bytes())

    def _copy(self, folder: Path, name: str) -> None:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_file() and path.suffix not in (".part", ".new"):
                self._writer.put(f"{name}/{path.name}", _pieces(path))

    def _open_segments(self) -> None:
        """Each segment decrypted: a capture that Wireshark opens, checked by the ``plain`` digests of the chain."""
        by_segment: dict[int, list[bytes]] = {}
        numbers = sorted({body["segment"] for body in self.reader.bodies if body["type"] == "frame"})
        current = -1
        for body, plain in self.reader.sections():
            if body["segment"] != current and current in by_segment:
                self._put_segment(current, by_segment.pop(current))
            current = body["segment"]
            by_segment.setdefault(current, []).append(plain)
        for number, parts in by_segment.items():
            self._put_segment(number, parts)
        absent = [number for number in numbers if f"{BUNDLED}/{segment_name(number)}.pcapng" not in self._writer.sums]
        for number in absent:
            self._derivations.append({"file": segment_name(number), "note": "could not be opened"})

    def _put_segment(self, number: int, parts: list[bytes]) -> None:
        name = f"{BUNDLED}/{segment_name(number)}.pcapng"
        self._writer.put(name, iter(parts))
        self._derivations.append({"file": name, "sha256": self._writer.sums[name], "from": segment_name(number)})

    def _open_log(self) -> None:
        entries = [
            {key: entry[key] for key in ("number", "at", "public", "private", "salts")} for entry in self.reader.log()
        ]
        self._writer.put(f"{BUNDLED}/log.json", json.dumps(entries, ensure_ascii=False, indent=1).encode())

    def _open_derived(self) -> None:
        made = derived.sidecars(self._files.derived)
        self._outdated = derived.outdated(made)
        spoilt = set(scrub.spoilt_derived(self._files))
        self._derivations += [{"file": f"derived/{name}", "note": "could not be opened"} for name in sorted(spoilt)]
        for sidecar in made:
            if sidecar.file in spoilt:
                continue
            name = f"derived/{sidecar.file}"
            with SealedReader(self._files.derived / sidecar.file, self._key, self.reader.recording) as opened:
                self._writer.put(name, opened.chunks())
            self._writer.put(f"{name}.json", (self._files.derived / f"{sidecar.file}.json").read_bytes())
            self._derivations.append(self._derivation(name, sidecar))

    def _derivation(self, name: str, sidecar: Sidecar) -> dict[str, Any]:
        return {
            "file": name,
            "sha256": self._writer.sums[name],
            "from": f"chain {sidecar.chain}",
            "made_by": sidecar.made_by,
            "made_at": sidecar.made_at,
            "remarks": [*sidecar.remarks, *(["outdated"] if sidecar.file in self._outdated else [])],
        }

    def _statement(self) -> bytes:
        """What each readable file was made from, and which keys are or were the site's, signed by the newest."""
        said = {
            "v": 1,
            "type": "derivation",
            "recording": self.reader.recording,
            "chain": self.reader.head,
            "exported_at": instant(self._clock.now()),
            "software": SOFTWARE,
            "encrypted": self._encrypted,
            "sites": [b64(site) for site in keys.site_publics(self._files.root.parent.parent)],
            "files": self._derivations,
        }
        text = canonical(said)
        return text + b"\t" + base64.b64encode(self._site.sign(DOMAIN + text)) + b"\n"

    def _page(self, found: Verification) -> bytes:
        genesis = next((body for body in self.reader.bodies if body["type"] == "genesis"), {})
        values = {
            "recording": self.reader.recording,
            "session": genesis.get("session", ""),
            "kind": genesis.get("kind", ""),
            "begun": printed.of_text(genesis.get("at", ""), self._zone),
            "verdict": found.verdict.value,
            "digest": self.reader.head,
            "fingerprint": keys.fingerprint(self._site.public()),
            "exported": printed.local_and_utc(self._clock.now(), self._zone),
        }
        page = (_TEMPLATES / "README.html").read_text(encoding="utf-8")
        for name, value in values.items():
            page = page.replace("{{" + name + "}}", html.escape(str(value)))
        rows = "".join(
            f"<tr><td>{html.escape(n)}</td><td><code>{d}</code></td></tr>" for n, d in self._writer.sums.items()
        )
        return page.replace("{{files}}", rows).encode()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            yield data


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()
