"""One take: turns what the sinks took into frames and signed records, and makes them durable. Synchronous.

``commit`` is the heart: append frame, sync segment, append log, sync log, append records, sync chain. It returns only
when all that is on disk; any ``OSError`` ends the take, whose files are never written again.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from media.ports import Closing, RecordingSpec, Track
from recordings import frames
from recordings.blocks import Batch, Blocks
from recordings.chain import DOMAIN, b64, certificate, encode_line, sha256
from recordings.filesystem import Disk
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles
from recordings.logbook import Entry, seal_entry
from recordings.pcapng import describe, section_header
from recordings.recovery import Origin, Standing
from recordings.scratch import Scratch
from recordings.tape import Event, Kind
from recordings.timesource import Reading, boot_id, from_ns, ntp_state

SOFTWARE = "yuanjian 0.1.0"
Record = tuple[str, dict[str, Any]]
_scratch = Scratch()


@dataclass(frozen=True, slots=True)
class Committed:
    """Everything received up to here is on disk."""

    until: datetime
    ms: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one commit writes, as bytes."""

    frame: bytes
    """Of a segment that has no file yet; any other was given to its file already."""
    failure: OSError | None
    """Why it could not be."""
    log: list[bytes]
    lines: list[bytes]
    last: bool
    """Whether its segment ends with it."""
    until: int


@dataclass(slots=True)
class _Segment:
    number: int
    fd: int = -1
    offset: int = 0
    frame: int = 0


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

    @property
    def takes_media(self) -> bool:
        return self._spec.policy == "clear"

    def blocks(self) -> Blocks:
        """What makes the blocks of this take; asked once it has begun."""
        return Blocks(self.origin, self.standing.last_ms, self.tracks.values(), media=self.takes_media)

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

    def commit(self, batch: Batch, *, last: bool = False) -> Committed:
        """Make ``batch`` durable and signed. Raises ``OSError``; the take is then over."""
        return self.store(self.prepare(batch, last=last))

    def prepare(self, batch: Batch, *, last: bool = False) -> Prepared:
        """Seal and sign ``batch``, and append the frame to its file: all of a commit that computes or copies. It must
        be stored before the next is prepared."""
        until = max(self.origin.media_ms(batch.now.mono_ns), self.standing.last_ms)
        last = last or batch.last
        records, log = self._events(batch.events)
        frame, failure = b"", None
        if self.takes_media:
            stored, members = self._frame(batch, until, last=last)
            with stored:
                frame, failure = self._append_frame(stored)
            records.append(("frame", members))
        lines = [self._line(kind, members, batch.now, ms=until) for kind, members in records]
        return Prepared(frame, failure, log, lines, last, until)

    def _append_frame(self, stored: memoryview) -> tuple[bytes, OSError | None]:
        """Append to the segment's file; what waits for a file, and what went wrong."""
        assert self._segment is not None
        if self._segment.fd < 0:
            return bytes(stored), None
        try:
            self._disk.append(self._segment.fd, stored)
        except OSError as error:
            return b"", error
        return b"", None

    def store(self, prepared: Prepared) -> Committed:
        """Make what was prepared durable: all of a commit that waits. Raises ``OSError``; the take is then over."""
        if prepared.failure:
            raise prepared.failure
        if self._segment is not None:
            self._sync_frame(self._segment, prepared)
        if prepared.log:
            self._write_log(prepared.log)
        if prepared.lines:
            self._append_chain(prepared.lines)
        self.standing.last_ms = until = prepared.until
        utc_ns = self.origin.to_utc_ns(self.origin.mono_of(until))
        return Committed(from_ns(utc_ns), until)

    def close(self, reason: str, batch: Batch) -> Closing:
        """Commit what is left, sign the end, and destroy the take's key. Raises ``OSError``."""
        self.commit(batch, last=True)
        return self.seal_end(reason, batch.now)

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

    # What a commit consists of

    def _events(self, events: Sequence[Event]) -> tuple[list[Record], list[bytes]]:
        """Return the records and the log lines of what happened, in order."""
        records: list[Record] = []
        log: list[bytes] = []
        ms = self.origin.media_ms
        for event in events:
            match event:
                case (Kind.OPENED, Track() as track, arrival):
                    self.tracks[track.number] = track
                    records.append(("track", {"event": "opened", **describe(track), "track_ms": ms(arrival)}))
                case (Kind.CLOSED, number, arrival):
                    self.tracks.pop(number, None)
                    records.append(("track", {"event": "closed", "track": number, "track_ms": ms(arrival)}))
                case (Kind.LOG, Entry() as entry, arrival):
                    line, members = seal_entry(self._data_key, self._spec.recording, entry)
                    log.append(line)
                    records.append(("log", {**members, "entry_ms": ms(arrival)}))
                    self.standing.entries += 1
                    self.standing.last_entry = max(self.standing.last_entry, entry.number)
                case (Kind.GAP, number, start, end, cause):
                    ends = {"from_ms": ms(start), "to_ms": ms(end)}
                    records.append(("gap", {"track": number, "cause": cause, **ends}))
                    self.standing.gaps += 1
                case (Kind.TOKEN, of, digest, token, authority):
                    members = {"of": of, "digest": digest, "token": token, "authority": authority}
                    records.append(("timestamp", members))
        return records, log

    def _frame(self, batch: Batch, until: int, *, last: bool) -> tuple[memoryview, dict[str, Any]]:
        """Return a frame as stored, good until this thread makes the next, and what its record says."""
        standing, ms = self.standing, self.origin.media_ms
        if self._segment is None:
            standing.segment += 1
            self._segment = _Segment(standing.segment)
        segment = self._segment
        segment.frame += 1
        flags = frames.LAST if last else 0
        with memoryview(batch.data) as whole, whole[: batch.length] as blocks:
            plain = self._section_header(segment) + blocks if segment.frame == 1 else blocks
            buffer = _scratch.of(len(plain) + frames.AROUND)
            place = (self._tag, self.number, segment.number, segment.frame, flags)
            stored = memoryview(buffer)[: frames.seal_into(buffer, self._data_key, *place, plain)]
            digests = {"stored": sha256(stored), "plain": sha256(plain)}
        packets = sum(packets for packets, _ in batch.seen.values())
        members = {
            "segment": segment.number,
            "frame": segment.frame,
            "offset": segment.offset,
            "length": len(stored),
            **digests,
            "last": last,
            "from_ms": standing.last_ms,
            "to_ms": until,
            "first_ms": None if batch.first_ns is None else ms(batch.first_ns),
            "last_ms": None if batch.last_ns is None else ms(batch.last_ns),
            "packets": packets,
            "tracks": {str(n): {"packets": seen[0], "lost": seen[1]} for n, seen in batch.seen.items()},
        }
        segment.offset += len(stored)
        standing.frames += 1
        standing.packets += packets
        standing.bytes += len(stored)
        return stored, members

    def _section_header(self, segment: _Segment) -> bytes:
        comment = f"recording {self._spec.recording} take {self.number} segment {segment.number}"
        return section_header(comment)

    # Disk

    def _sync_frame(self, segment: _Segment, prepared: Prepared) -> None:
        if segment.fd < 0:
            segment.fd = self._disk.open_new(self._files.segment(segment.number))
            self._disk.append(segment.fd, prepared.frame)
        self._disk.sync(segment.fd)
        if prepared.last:
            self._disk.close(segment.fd)
            self._segment = None

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
