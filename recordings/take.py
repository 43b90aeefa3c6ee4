"""One take: turns what the sinks took into frames and signed records, and makes them durable. Synchronous.

``commit`` is the heart: append frame, sync segment, append log, sync log, append records, sync chain. It returns only
when all that is on disk; any ``OSError`` ends the take, whose files are never written again.
"""

import contextlib
import enum
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from media.ports import Closing, RecordingSpec, Track
from recordings import frames
from recordings.chain import DOMAIN, b64, certificate, encode_line, sha256
from recordings.filesystem import Disk
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles
from recordings.logbook import Entry, seal_entry
from recordings.pcapng import Section, describe
from recordings.recovery import Origin, Standing
from recordings.timesource import Reading, boot_id, from_ns, ntp_state

SOFTWARE = "yuanjian 0.1.0"
SEGMENT_MS = 60_000


class Kind(enum.IntEnum):
    """First member of a queued item; the rest is said beside each."""

    OPENED = 0
    """track, arrival"""
    RTP = 1
    """track number, arrival, packet"""
    REPORT = 2
    """track number, arrival, NTP, RTP"""
    LOST = 3
    """track number, arrival, first, count"""
    CLOSED = 4
    """track number, arrival"""
    LOG = 5
    """entry, arrival"""
    GAP = 6
    """track number or None, from, to (monotonic), cause"""
    TOKEN = 7
    """of, digest, token, authority"""


_RTP = Kind.RTP
_COMPUTING = threading.Lock()
"""Held while a recorder computes, never while it waits for a disk: with one recorder at a time wanting the interpreter,
the relay's loop waits for one of them, not for all."""
Item = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """Everything received up to here is on disk."""

    until: datetime
    ms: int


@dataclass(slots=True)
class _Segment:
    fd: int
    number: int
    section: Section
    since_ms: int
    offset: int = 0
    frame: int = 0


@dataclass(slots=True)
class _Batch:
    """What one commit will write."""

    blocks: list[bytes]
    records: list[tuple[str, dict[str, Any]]]
    log: list[bytes]
    seen: dict[int, list[int]]
    """Per track number: packets, lost."""
    first_ns: int | None = None
    last_ns: int | None = None
    packets: int = 0


class Take:
    """An unbroken run of one recorder with one signing key."""

    def __init__(
        self, disk: Disk, files: RecordingFiles, spec: RecordingSpec, data_key: bytes, standing: Standing
    ) -> None:
        self._disk = disk
        self._files = files
        self._spec = spec
        self._data_key = data_key
        self._tag = frames.recording_tag(spec.recording)
        self._key: Ed25519PrivateKey | None = Ed25519PrivateKey.generate()
        self.standing = standing
        self.number = standing.take + 1
        self.tracks: dict[int, Track] = {}
        self.origin = Origin("", 0, 0, 0)
        self.durable = 0
        """Lines of the chain that are on disk for certain."""
        self._segment: _Segment | None = None
        self._chain = -1
        self._log = -1

    def begin(self, keys: SiteKeys, keys_digest: str, now: Reading, tracks: Iterable[Track], *, replay: bool) -> None:
        """Open the take on disk: ``genesis`` for the first, ``take``, and what recovery found for a later one.

        ``replay``: packets since the last durable instant are still in memory and will be committed, so nothing is
        missing in between. Raises ``OSError`` and ``KeyMissing``.
        """
        standing, previous = self.standing, self.standing.origin
        self.origin = _origin(previous, standing.last_ms, now, replay=replay)
        fresh = standing.is_fresh
        lines = [self._genesis(keys, keys_digest, now)] if fresh else []
        lines.append(self._line("take", self._take_members(keys), now, ms=self.origin.ms))
        if not fresh:
            members = {"last_n": standing.writing.number - 2, "last_ms": standing.last_ms, "aside": standing.aside}
            lines.append(self._line("recovered", members, now))
        if not fresh and not replay and self.origin.ms > standing.last_ms:
            gap = {"track": None, "from_ms": standing.last_ms, "to_ms": self.origin.ms, "cause": "restart"}
            lines.append(self._line("gap", gap, now))
            standing.gaps += 1
        for track in tracks:
            self.tracks[track.number] = track
            lines.append(self._line("track", {"event": "continued", **describe(track)}, now))
        self._chain = self._open(self._files.chain)
        self._append_chain(lines)
        standing.take, standing.last_ms, standing.origin = self.number, self.origin.ms, self.origin

    def commit(self, items: Sequence[Item], now: Reading, *, last: bool = False) -> Committed:
        """Make ``items`` durable and signed. Raises ``OSError``; the take is then over."""
        standing = self.standing
        until = max(self.origin.media_ms(now.mono_ns), standing.last_ms)
        batch = _Batch([], [], [], {})
        if self._spec.policy == "clear" and self._segment is None:
            self._open_segment(batch, standing.last_ms)
        with _COMPUTING:
            self._add_all(batch, items)
        if self._segment is not None:
            batch.records.append(("frame", self._write_frame(self._segment, batch, until, last=last)))
        if batch.log:
            self._write_log(batch.log)
        if batch.records:
            self._append_chain([self._line(kind, members, now, ms=until) for kind, members in batch.records])
        standing.last_ms = until
        utc_ns = self.origin.to_utc_ns(self.origin.mono_of(until))
        return Committed(from_ns(utc_ns), until)

    def close(self, reason: str, items: Sequence[Item], now: Reading) -> Closing:
        """Commit what is left, sign the end, and destroy the take's key. Raises ``OSError``."""
        self.commit(items, now, last=True)
        return self.seal_end(reason, now)

    def seal_end(self, reason: str, now: Reading) -> Closing:
        """Sign the end as of the last commit. Raises ``OSError``."""
        standing = self.standing
        closing = {
            "reason": reason,
            "records": standing.writing.number,
            "frames": standing.frames,
            "packets": standing.packets,
            "bytes": standing.bytes,
            "entries": standing.entries,
            "gaps": standing.gaps,
            "duration_ms": standing.last_ms,
            "root": standing.writing.tree.root(),
        }
        self._append_chain([self._line("close", closing, now, ms=standing.last_ms)])
        standing.closed = True
        self.abandon()
        return Closing(standing.writing.head, standing.frames, standing.last_ms, standing.gaps)

    def abandon(self) -> None:
        """Let go of files and key; nothing can be signed after this. Doing it twice is harmless."""
        self._key = None
        descriptors = (self._segment.fd if self._segment else -1, self._chain, self._log)
        self._segment, self._chain, self._log = None, -1, -1
        for fd in descriptors:
            if fd >= 0:
                with contextlib.suppress(OSError):  # what matters was synced; a close that fails loses nothing
                    self._disk.close(fd)

    # Records

    def _line(self, kind: str, members: dict[str, Any], now: Reading, *, ms: int | None = None) -> bytes:
        assert self._key is not None, "a take that was abandoned signs nothing"
        at_ms = self.origin.ms if ms is None else ms
        return self.standing.writing.line(kind, self._key, self.number, now.utc, at_ms, members)

    def _genesis(self, keys: SiteKeys, keys_digest: str, now: Reading) -> bytes:
        spec, writing = self._spec, self.standing.writing
        members = {
            "session": spec.session,
            "kind": spec.kind,
            "policy": spec.policy,
            "software": SOFTWARE,
            "keys": keys_digest,
            "site": b64(keys.public()),
            "ledger": spec.checkpoint or None,
        }
        body = writing.body("genesis", 0, now.utc, 0, members)
        self.standing.policy = spec.policy
        return writing.add(encode_line(body, keys.sign(DOMAIN + body)))

    def _take_members(self, keys: SiteKeys) -> dict[str, Any]:
        assert self._key is not None
        public = self._key.public_key().public_bytes_raw()
        return {
            "key": b64(public),
            "site": b64(keys.public()),
            "cert": b64(keys.sign(certificate(self._spec.recording, self.number, public))),
            "boot": self.origin.boot,
            "mono_ns": str(self.origin.mono_ns),
            "utc_ns": str(self.origin.utc_ns),
            "ntp": ntp_state(),
        }

    # Items

    def _add_all(self, batch: _Batch, items: Sequence[Item]) -> None:
        """Take what waits, in order. Nearly all of it is packets, and the relay's loop wants the interpreter."""
        seen, tracks, shift, first = batch.seen, self.tracks, self.origin.to_utc_ns(0), None
        section = self._segment.section if self._segment else None
        for item in items:
            if item[0] is not _RTP:
                self._add(batch, item)
                continue
            _, number, arrival, packet = item
            if section is None or number not in tracks:
                continue
            batch.blocks += section.rtp(number, arrival + shift, packet)
            counted = seen.get(number) or seen.setdefault(number, [0, 0])
            counted[0] += 1
            if first is None:
                batch.first_ns = first = arrival
            batch.last_ns = arrival
        batch.packets = sum(packets for packets, _ in seen.values())

    def _add(self, batch: _Batch, item: Item) -> None:
        kind = item[0]
        if kind == Kind.REPORT:
            _, number, arrival, ntp, rtp = item
            if self._segment and number in self.tracks:
                at = self.origin.to_utc_ns(arrival)
                ssrc = self.tracks[number].ssrc
                batch.blocks += self._segment.section.sender_report(number, at, ssrc, ntp, rtp)
        elif kind == Kind.LOST:
            batch.seen.setdefault(item[1], [0, 0])[1] += item[4]
        else:
            self._add_event(batch, item)

    def _add_event(self, batch: _Batch, item: Item) -> None:
        match item:
            case (Kind.OPENED, Track() as track, arrival):
                self.tracks[track.number] = track
                members = {"event": "opened", **describe(track), "track_ms": self.origin.media_ms(arrival)}
                batch.records.append(("track", members))
                if self._segment:
                    batch.blocks.append(self._segment.section.interface(track))
            case (Kind.CLOSED, number, arrival):
                if self.tracks.pop(number, None):
                    members = {"event": "closed", "track": number, "track_ms": self.origin.media_ms(arrival)}
                    batch.records.append(("track", members))
            case (Kind.LOG, Entry() as entry, arrival):
                line, members = seal_entry(self._data_key, self._spec.recording, entry)
                batch.log.append(line)
                batch.records.append(("log", {**members, "entry_ms": self.origin.media_ms(arrival)}))
                self.standing.entries += 1
                self.standing.last_entry = max(self.standing.last_entry, entry.number)
            case (Kind.GAP, number, start, end, cause):
                ends = {"from_ms": self.origin.media_ms(start), "to_ms": self.origin.media_ms(end)}
                batch.records.append(("gap", {"track": number, "cause": cause, **ends}))
                self.standing.gaps += 1
            case (Kind.TOKEN, of, digest, token, authority):
                members = {"of": of, "digest": digest, "token": token, "authority": authority}
                batch.records.append(("timestamp", members))

    # Disk

    def _open_segment(self, batch: _Batch, since_ms: int) -> None:
        number = self.standing.segment + 1
        section = Section(f"recording {self._spec.recording} take {self.number} segment {number}")
        self._segment = _Segment(self._disk.open_new(self._files.segment(number)), number, section, since_ms)
        self.standing.segment = number
        batch.blocks.append(section.header())
        batch.blocks += [section.interface(track) for track in self.tracks.values()]

    def _write_frame(self, segment: _Segment, batch: _Batch, until: int, *, last: bool) -> dict[str, Any]:
        last = last or until - segment.since_ms >= SEGMENT_MS
        segment.frame += 1
        flags = frames.LAST if last else 0
        with _COMPUTING:
            plain = b"".join(batch.blocks)
            stored = frames.seal(self._data_key, self._tag, self.number, segment.number, segment.frame, flags, plain)
            digests = {"stored": sha256(stored), "plain": sha256(plain)}
        self._disk.append(segment.fd, stored)
        self._disk.sync(segment.fd)
        ms = self.origin.media_ms
        members = {
            "segment": segment.number,
            "frame": segment.frame,
            "offset": segment.offset,
            "length": len(stored),
            **digests,
            "last": last,
            "from_ms": self.standing.last_ms,
            "to_ms": until,
            "first_ms": None if batch.first_ns is None else ms(batch.first_ns),
            "last_ms": None if batch.last_ns is None else ms(batch.last_ns),
            "packets": batch.packets,
            "tracks": {str(n): {"packets": seen[0], "lost": seen[1]} for n, seen in batch.seen.items()},
        }
        segment.offset += len(stored)
        self.standing.frames += 1
        self.standing.packets += batch.packets
        self.standing.bytes += len(stored)
        if last:
            self._disk.close(segment.fd)
            self._segment = None
        return members

    def _write_log(self, lines: list[bytes]) -> None:
        if self._log < 0:
            self._log = self._open(self._files.log)
        self._disk.append(self._log, b"".join(lines))
        self._disk.sync(self._log)

    def _append_chain(self, lines: list[bytes]) -> None:
        self._disk.append(self._chain, b"".join(lines))
        self._disk.sync(self._chain)
        self.durable = self.standing.writing.number

    def _open(self, path: Any) -> int:
        return self._disk.open_append(path) if path.exists() else self._disk.open_new(path)


def _origin(previous: Origin | None, last_ms: int, now: Reading, *, replay: bool) -> Origin:
    """Place a new take on the recording's timeline: by the monotonic clock within one boot, else by wall time."""
    boot = boot_id()
    if previous is None:
        return Origin(boot, now.mono_ns, now.utc_ns, 0)
    if previous.boot == boot and now.mono_ns >= previous.mono_ns:
        ms = max(last_ms, previous.media_ms(now.mono_ns))
        if replay:
            back = now.mono_ns - previous.mono_of(last_ms)
            return Origin(boot, now.mono_ns - back, now.utc_ns - back, last_ms)
        return Origin(boot, now.mono_ns, now.utc_ns, ms)
    if replay:
        return Origin(boot, now.mono_ns, previous.utc_ns + (last_ms - previous.ms) * 1_000_000, last_ms)
    ms = max(last_ms, previous.ms + (now.utc_ns - previous.utc_ns) // 1_000_000)
    return Origin(boot, now.mono_ns, now.utc_ns, ms)
