"""Verify a recording offline: a verdict per range of time, and whose recording it is.

Reads the files and public keys only, changes nothing, and never raises for what it reads: damage is an answer. Needs
no database and no media library.
"""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from recordings import anchors, keys, timestamps
from recordings.anchors import Anchor
from recordings.bundled import Place, Seal, differences, seal_of
from recordings.canonical import parse_instant
from recordings.chain import Line, Merkle, Walk, sha256, walk
from recordings.layout import RecordingFiles, data_dir_of
from recordings.stored import check_stored
from recordings.timesource import from_ns, to_ns
from recordings.unpacking import BUNDLED, unpacked
from recordings.verdicts import Provenance, Range, Verdict, Verification, flatten

STEP_MS = 1000
"""How far wall time may stray from monotonic time before times of day are doubted."""


def verify(
    path: Path,
    trust: frozenset[str] | None = None,
    authority: Sequence[bytes] | None = None,
    known: Sequence[Anchor] | None = None,
) -> Verification:
    """Verify the recording in directory ``path``, or in an exported bundle, unpacked or not.

    ``trust``: fingerprints of the site keys to believe (``keys.read_trust``); without it those of the data directory
    the path lies in. ``authority``: root certificates (PEM) of time stamp authorities, by default again those pinned
    in the data directory. ``known``: heads the ledger has of this chain, by default those proved beside it.
    """
    root = path.parent if path.name == "chain.jsonl" and not path.is_dir() else path
    try:
        if root.is_file() and zipfile.is_zipfile(root):
            with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(root) as archive:
                files = RecordingFiles(unpacked(root, Path(place)))
                return _verify(files, zipfile.Path(archive), trust, authority, known)
        inner = root / BUNDLED
        if inner.is_dir():
            return _verify(RecordingFiles(inner), root, trust, authority, known)
        return _verify(RecordingFiles(root), None, trust, authority, known)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError):
        return _unusable(root, "unreadable")


def _unusable(root: Path, why: str) -> Verification:
    return Verification(root.name, (), Provenance(), unusable=why)


def _verify(
    files: RecordingFiles,
    bundle: Place | None,
    trust: frozenset[str] | None,
    authority: Sequence[bytes] | None,
    known: Sequence[Anchor] | None,
) -> Verification:
    if not files.root.is_dir():
        return _unusable(files.root, "not-a-directory")
    if not files.chain.is_file():
        if not files.segments() and not files.keys.exists():
            return _unusable(files.root, "not-a-recording")
        missing = Range(0, 0, Verdict.MISSING, "chain-missing", {"file": files.chain.name})
        return Verification(files.root.name, (missing,), Provenance())
    found = walk(files.chain.read_bytes())
    if not any(line.is_signed for line in found.lines):
        return _without_a_signed_line(files, found, bundled=bundle is not None)
    if authority is None:
        data_dir = data_dir_of(files.root)
        authority = timestamps.pinned(data_dir) if data_dir else ()
    seal = seal_of(bundle) if bundle is not None else None
    pinned, pinned_by = _trusted(files, trust, seal)
    check = _Check(files, found, _pin(found, pinned, pinned_by), authority, known)
    check.run()
    if bundle is not None and seal is not None:
        check.compare(bundle, seal, believed=seal.believed(pinned, found.sites))
    return check.result()


def _without_a_signed_line(files: RecordingFiles, found: Walk, *, bundled: bool) -> Verification:
    """Nothing but a recorder that broke off at once leaves an empty chain, and of that no bundle is made."""
    if not files.segments() and not files.keys.exists():
        return _unusable(files.root, "not-a-chain")
    spoilt = Range(0, 0, Verdict.MODIFIED, "chain-unreadable", {"file": files.chain.name})
    if not found.lines and not bundled:
        spoilt = replace(spoilt, verdict=Verdict.TAIL, cause="chain-torn")
    return Verification(files.root.name, (spoilt,), Provenance())


def _trusted(files: RecordingFiles, trust: frozenset[str] | None, seal: Seal | None) -> tuple[frozenset[str], str]:
    """The fingerprints to believe and what pinned them. A trusted key that sealed the bundle vouches for the site's
    earlier ones."""
    pinned_by = "trust-file"
    if trust is None:
        data_dir = data_dir_of(files.root)
        trust, pinned_by = keys.site_trust(data_dir) if data_dir else frozenset(), "data-directory"
        if not trust:
            return trust, ""
    if seal and keys.fingerprint(seal.signer) in trust:
        trust |= seal.vouched
    return trust, pinned_by


def _pin(found: Walk, trust: frozenset[str], pinned_by: str) -> Provenance:
    sites = tuple(keys.fingerprint(site) for site in found.sites)
    if not pinned_by:
        return Provenance(sites)
    foreign = not sites or not set(sites) <= trust
    return Provenance(sites, "" if foreign else pinned_by, foreign)


@dataclass(slots=True)
class _Take:
    """How a take's media time maps to UTC."""

    number: int
    ms: int
    utc_ns: int

    def utc_ns_of(self, ms: int) -> int:
        return self.utc_ns + (ms - self.ms) * 1_000_000


class _Check:
    """One run over one recording."""

    def __init__(
        self,
        files: RecordingFiles,
        found: Walk,
        provenance: Provenance,
        authority: Sequence[bytes],
        known: Sequence[Anchor] | None,
    ) -> None:
        self._authority = authority
        self._known = known
        self._files = files
        self._found = found
        self._provenance = provenance
        self._ranges: list[Range] = []
        self._takes: list[_Take] = []
        self._remarks: list[str] = []
        self._bytes = 0
        self._closed = False
        self._seen: set[int] = set()
        self._bodies = self._in_order()
        self._end = max((_end(body) for body in self._bodies), default=0)

    def run(self) -> None:
        """Check the recording itself."""
        self._check_lines()
        self._check_takes()
        self._check_keys()
        self._check_frames()
        self._check_log()
        self._check_gaps()
        self._check_clock()
        self._check_aside()
        self._check_ledger()
        self._check_tokens()
        self._closed = self._check_close()

    def compare(self, bundle: Place, seal: Seal, *, believed: bool) -> None:
        """Check what lies beside the recording in its bundle; what the chain named is not named again."""
        said = {item.verdict for item in self._ranges}
        named = bool(said & set(_GRAVE))
        for item in differences(bundle, seal, believed=believed, doubt=Verdict.TAIL in said):
            if not (named and str(item.where["file"]).startswith(f"{BUNDLED}/")):
                self._ranges.append(item)

    def result(self) -> Verification:
        if self._files.root.name not in (self._bodies[0]["recording"], BUNDLED):
            self._remarks.append("renamed")
        last = [line for line in self._found.lines if line.is_signed][-1]
        return Verification(
            recording=str(self._bodies[0]["recording"]),
            ranges=tuple(map(self._dated, self._judged())),
            provenance=self._provenance,
            closed=self._closed,
            takes=len(self._takes),
            frames=sum(body["type"] == "frame" for body in self._bodies),
            bytes=self._bytes,
            duration_ms=self._end,
            digest=sha256(last.raw),
            remarks=tuple(self._remarks),
        )

    def _in_order(self) -> list[Mapping[str, Any]]:
        """Signed bodies, each number once, in the order they were signed."""
        by_number = {body["n"]: body for body in reversed(list(self._found.signed()))}
        return [by_number[number] for number in sorted(by_number)]

    def _of(self, kind: str) -> Iterator[Mapping[str, Any]]:
        return (body for body in self._bodies if body["type"] == kind)

    def _add(self, start: int, end: int, verdict: Verdict, cause: str, **where: int | str) -> None:
        self._ranges.append(Range(start, end, verdict, cause, where))

    # The chain

    def _check_lines(self) -> None:
        lines = self._found.lines
        for line in lines:
            if line.cause == "lines-missing":
                before = _before(lines, line.index)
                self._add(before, max(before, _start(line.body)), Verdict.MISSING, line.cause, line=line.index + 1)
            elif line.cause == "line-moved":
                self._add(_start(line.body), _end(line.body), Verdict.MODIFIED, line.cause, line=line.index + 1)
            elif line.cause:
                before = _before(lines, line.index)
                after = max(before, _after(lines, line.index, before))
                self._add(before, after, Verdict.MODIFIED, line.cause, line=line.index + 1)
        if self._found.tail:
            self._add(self._end, self._end, Verdict.TAIL, "chain-torn", file=self._files.chain.name)

    def _check_takes(self) -> None:
        for body in self._of("take"):
            self._takes.append(_Take(body["take"], body["ms"], int(body["utc_ns"])))
        states = [body.get("ntp") for body in self._of("take")]
        if not all(isinstance(ntp, dict) and ntp.get("synchronised") is True for ntp in states):
            self._remarks.append("clock-not-synchronised")
        if not any(self._of("genesis")):
            self._add(0, 0, Verdict.MISSING, "genesis-missing", line=1)

    def _check_keys(self) -> None:
        said = next((body["keys"] for body in self._of("genesis")), None)
        if said is None:
            return
        if not self._files.keys.is_file():
            if self._is_erased(said):
                self._remarks.append("erased")
            else:
                self._add(0, 0, Verdict.MISSING, "keys-missing", file=self._files.keys.name)
        elif sha256(self._files.keys.read_bytes()) != said:
            self._add(0, 0, Verdict.MODIFIED, "keys-altered", file=self._files.keys.name)

    def _is_erased(self, digest: str) -> bool:
        """Whether the site signed that it destroyed the keys of this very recording."""
        path = self._files.root / "erased.jsonl"
        if not path.is_file():
            return False
        return keys.check_erasure(path.read_bytes(), self._bodies[0]["recording"], digest, self._found.sites)

    def _check_close(self) -> bool:
        close = next(self._of("close"), None)
        if close is None:
            return False
        tree, after = Merkle(), 0
        for line in self._found.lines:
            if line.is_signed and line.body["n"] == close["n"]:
                after = len(self._found.lines) - line.index - 1
                break
            tree.add(line.raw)
        if after:
            self._add(self._end, self._end, Verdict.MODIFIED, "lines-after-close", line=close["n"] + 2)
        if tree.root() != close["root"] and not any(item.verdict in _GRAVE for item in self._ranges):
            self._add(0, self._end, Verdict.MODIFIED, "root-differs", line=close["n"] + 1)
        return True

    # Media

    def _check_frames(self) -> None:
        attendance = any(body["policy"] == "attendance" for body in self._of("genesis"))
        if attendance or not any(self._of("frame")):
            self._add(0, self._end, Verdict.INTACT, "")
        stored = check_stored(self._files, self._bodies, self._end, erased="erased" in self._remarks)
        self._ranges += stored.ranges
        self._bytes = stored.bytes

    def _check_gaps(self) -> None:
        for body in self._of("gap"):
            track = body.get("track")
            where = {"track": track} if isinstance(track, int) else {}
            self._ranges.append(Range(body["from_ms"], body["to_ms"], Verdict.GAP, body["cause"], where))

    # Beside the media

    def _check_log(self) -> None:
        bodies = {body["stored"]: body for body in self._of("log")}
        raw = self._files.log.read_bytes() if self._files.log.is_file() else b""
        unknown = 0
        for line in raw.splitlines(keepends=True):
            unknown += bodies.pop(sha256(line), None) is None
        if any(body["type"] == "log" for body in self._bodies) and not raw and "erased" in self._remarks:
            return
        cause = ("log-altered", Verdict.MODIFIED) if unknown else ("log-missing", Verdict.MISSING)
        for body in bodies.values():
            self._add(body["ms"], body["ms"] + 1, cause[1], cause[0], entry=body["number"])
        if unknown and not bodies:
            self._add(self._end, self._end, Verdict.TAIL, "log-unsigned", file=self._files.log.name)

    def _check_aside(self) -> None:
        for body in self._of("recovered"):
            for item in body["aside"]:
                name, digest = str(item.get("file")) if isinstance(item, dict) else "", ""
                path = self._files.aside / Path(name).name
                if path.is_file():
                    digest = sha256(path.read_bytes())
                if not digest:
                    self._add(body["ms"], body["ms"], Verdict.MISSING, "aside-missing", file=path.name)
                elif digest != item.get("sha256"):
                    self._add(body["ms"], body["ms"], Verdict.MODIFIED, "aside-altered", file=path.name)

    def _check_ledger(self) -> None:
        """Whether the chain still has every head the ledger knew of it."""
        path = self._files.root / anchors.FILE
        known = list(self._known or ())
        if path.is_file():
            try:
                known += anchors.read(path.read_bytes(), self._bodies[0]["recording"], self._found.sites)
            except anchors.AnchorsInvalid:
                self._add(self._end, self._end, Verdict.MODIFIED, "ledger-altered", file=path.name)
        elif not known:
            self._remarks.append("not-in-ledger")
        self._ranges += anchors.cuts(known, self._found.lines)

    # Time

    def _check_tokens(self) -> None:
        """Without a pinned authority a token proves nothing, and that is a remark, not an error."""
        if not timestamps.has_tokens(self._files, self._found):
            self._remarks.append("not-timestamped")
            return
        try:
            checked = tuple(timestamps.check_all(self._files, self._found, self._authority)) if self._authority else ()
        except ImportError:
            checked = ()
        if not checked:
            self._remarks.append("timestamps-not-checked")
        for said in checked:
            if not said["ok"]:
                self._add(said["ms"], said["ms"], Verdict.MODIFIED, "token-invalid", of=said["of"])
        self._provenance = replace(self._provenance, timestamps=checked)

    def _check_clock(self) -> None:
        take, last = None, 0
        for body in self._bodies:
            if body["type"] == "take":
                take = self._clock_between(take, body)
                last = body["ms"]
            elif take and body["type"] in ("frame", "log"):
                stray = to_ns(parse_instant(body["at"])) - take.utc_ns_of(body["ms"])
                if abs(stray) > STEP_MS * 1_000_000 and body["ms"] > last:
                    self._add(last, body["ms"], Verdict.CLOCK_SUSPECT, "clock-stepped")
                last = max(last, body["ms"])

    def _clock_between(self, take: _Take | None, body: Mapping[str, Any]) -> _Take:
        """Wall time may not run back, nor against the monotonic clock, from one take to the next."""
        new = _Take(body["take"], body["ms"], int(body["utc_ns"]))
        if take and abs(new.utc_ns - take.utc_ns_of(new.ms)) > STEP_MS * 1_000_000:
            self._add(new.ms, new.ms, Verdict.CLOCK_SUSPECT, "clock-stepped")
        return new

    def _dated(self, item: Range) -> Range:
        if not self._takes:
            return item
        return replace(item, from_utc=self._utc(item.from_ms), to_utc=self._utc(item.to_ms))

    def _utc(self, ms: int) -> datetime | None:
        take = max((take for take in self._takes if take.ms <= ms), key=lambda t: t.number, default=self._takes[0])
        try:
            return from_ns(take.utc_ns_of(ms))
        except OverflowError:
            return None

    def _judged(self) -> list[Range]:
        """The ranges as far as the signatures are worth anything."""
        ranges = flatten([item for item in self._ranges if item.verdict is not Verdict.INTACT or _lasts(item)])
        if self._provenance.foreign:
            return [
                replace(item, verdict=Verdict.MODIFIED, cause="foreign-site")
                if item.verdict not in (Verdict.MODIFIED, Verdict.MISSING)
                else item
                for item in ranges
            ]
        if not self._provenance.pinned_by:
            intact = (Verdict.INTACT, Verdict.CLOCK_SUSPECT)
            return [
                replace(item, verdict=Verdict.UNPINNED, cause="site-unknown") if item.verdict in intact else item
                for item in ranges
            ]
        return ranges


_GRAVE = (Verdict.MODIFIED, Verdict.MISSING)


def _lasts(item: Range) -> bool:
    return item.from_ms < item.to_ms


def _start(body: Mapping[str, Any]) -> int:
    return int(body["from_ms"] if body["type"] == "frame" else body["ms"])


def _end(body: Mapping[str, Any]) -> int:
    return int(body["to_ms"] if body["type"] == "frame" else body["ms"])


def _before(lines: Sequence[Line], index: int) -> int:
    """Media time at which the last believed line before ``index`` ends."""
    return next((_end(line.body) for line in reversed(lines[:index]) if line.is_signed), 0)


def _after(lines: Sequence[Line], index: int, default: int) -> int:
    """Media time at which the next believed frame (or, without one, line) after ``index`` begins."""
    following = (line.body for line in lines[index + 1 :] if line.is_signed)
    return next((_start(body) for body in following), default)
