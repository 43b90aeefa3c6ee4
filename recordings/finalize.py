"""Making playable files of a recording: one or more per participant, encrypted, each with a signed sidecar.

Runs in a worker's thread or process: PyAV blocks. Safe to run again: what was made from the same chain stays, unless
it is spoilt, or more of the recording can be read than when it was made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from core.clock import Clock
from recordings import derived, keys, scrub
from recordings.canonical import instant
from recordings.derived import SealedWriter, Sidecar
from recordings.filesystem import Disk
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles
from recordings.mux import Output, Unplayable, VideoShape, container_of
from recordings.participant import Part, Publication, measure
from recordings.reader import Reader, RecordedTrack
from recordings.take import SOFTWARE

log = structlog.get_logger()

DAMAGED = "damaged-seconds-left-out"
"""Remark of a film: some of the recording could not be read when it was made."""


@dataclass(frozen=True, slots=True)
class Finalizer:
    """Makes the per-participant files of recordings in one data directory."""

    data_dir: Path
    site: Callable[[], SiteKeys]
    clock: Clock
    disk: Disk

    def run(self, recording: str) -> list[Sidecar]:
        """Return what there is to play afterwards. Blocks for seconds per hour of recording.

        Raises ``KeyMissing`` and ``OSError``; damaged seconds are left out and said in ``remarks``.
        """
        site = self.site()
        files = RecordingFiles.of(self.data_dir, recording)
        data_key = keys.load_data_key(site, files, recording)
        reader = Reader(files, data_key)
        made = derived.sidecars(files.derived)
        if not _must_be_made([item for item in made if item.kind == "participant"], files, reader):
            return made
        self.disk.make_dir(files.derived)
        making = _Making(self, site, files, data_key, reader)
        return making.run()


def _must_be_made(made: Sequence[Sidecar], files: RecordingFiles, reader: Reader) -> bool:
    """Whether participants' files are absent, spoilt, of another end of the chain, or of less than can be read now.

    Of a recording that was damaged since, the older films stay: they show more."""
    if not made or any(item.chain != reader.head for item in made):
        return True
    if {item.file for item in made} & set(scrub.spoilt_derived(files)):
        return True
    least = min(item.frames for item in made)
    if least == reader.frames and not any(DAMAGED in item.remarks for item in made):
        return False
    now = reader.readable()
    return now > least or (now == reader.frames and reader.is_whole_chain)


class _Making:
    """One run over one recording."""

    def __init__(
        self, finalizer: Finalizer, site: SiteKeys, files: RecordingFiles, data_key: bytes, reader: Reader
    ) -> None:
        self._disk = finalizer.disk
        self._clock = finalizer.clock
        self._site = site
        self._files = files
        self._key = data_key
        self._reader = reader
        self._frames = reader.frames
        self._open_files: dict[int, tuple[str, SealedWriter]] = {}
        self._made: list[Sidecar] = []

    def run(self) -> list[Sidecar]:
        tracks = self._reader.tracks()
        before = self._reader.unreadable
        clocks = measure(self._reader.packets(), tracks)
        self._frames -= self._reader.unreadable - before
        groups: dict[tuple[str, str], list[RecordedTrack]] = {}
        for track in tracks.values():
            if track.key in clocks:
                groups.setdefault((track.endpoint, track.publication), []).append(track)
        publications = []
        of_track = {}
        for number, members in enumerate(groups.values(), 1):
            publication = Publication(members, clocks, self._opener(number, members[0]))
            publications.append((number, members[0], publication))
            of_track.update({track.key: publication for track in members})
        broken: set[Publication] = set()
        for packet in self._reader.packets():
            publication = of_track[packet.track]
            if publication not in broken:
                self._guarded(publication, broken, partial(publication.packet, packet))
        for number, about, publication in publications:
            if publication not in broken:
                self._guarded(publication, broken, publication.finish)
            self._keep(number, about, publication)
        self._tidy()
        self._disk.sync_dir(self._files.derived)
        return sorted(self._made, key=lambda item: item.file)

    def _guarded(self, publication: Publication, broken: set[Publication], act: Callable[[], Any]) -> None:
        """What one participant sent may be refused by the media library; the others' files are made all the same."""
        try:
            act()
        except Unplayable as error:
            broken.add(publication)
            publication.remarks.add("cut-short")
            log.warning("a participant's stream cannot be muxed", recording=self._reader.recording, error=str(error))

    def _opener(self, number: int, about: RecordedTrack) -> Callable[[int, VideoShape | None, bool], Output]:
        def opened(part: int, shape: VideoShape | None, audio: bool) -> Output:
            name = (
                f"{number:02d}-{_word(about.publication)}-{part:02d}.{container_of(shape.codec if shape else None)[0]}"
            )
            writer = SealedWriter(self._disk, self._files.derived / f"{name}.part", self._key, self._reader.recording)
            output = Output(writer, shape, audio=audio, metadata={"title": f"{self._reader.recording} {name}"})
            self._open_files[id(output)] = (name, writer)
            return output

        return opened

    def _keep(self, number: int, about: RecordedTrack, publication: Publication) -> None:
        for part in publication.done:
            name, writer = self._open_files.pop(id(part.output))
            content, stored = writer.finish()
            self._disk.rename(self._files.derived / f"{name}.part", self._files.derived / name)
            sidecar = self._sidecar(name, about, publication, part, writer.length, content, stored)
            self._disk.write_whole(self._files.derived / f"{name}.json", derived.sign_sidecar(sidecar, self._site))
            self._made.append(sidecar)

    def _tidy(self) -> None:
        """Participants' files of an earlier run that this one did not make again, and what was begun of a composed
        picture of them."""
        names = {item.file for item in self._made}
        for item in derived.sidecars(self._files.derived):
            if item.kind == "participant" and item.file not in names:
                self._disk.remove(self._files.derived / f"{item.file}.json")
                self._disk.remove(self._files.derived / item.file)
        for piece in self._files.derived.glob(".piece-*"):
            self._disk.remove(piece)

    def _sidecar(
        self,
        name: str,
        about: RecordedTrack,
        publication: Publication,
        part: Part,
        length: int,
        content: str,
        stored: str,
    ) -> Sidecar:
        is_whole = self._frames == self._reader.frames and self._reader.is_whole_chain
        remarks = publication.remarks | (set() if is_whole else {DAMAGED})
        return Sidecar(
            file=name,
            kind="participant",
            media_type=part.output.media_type,
            endpoint=about.endpoint,
            publication=about.publication,
            role=about.role,
            part=part.number,
            start_ms=max(0, part.zero_ns // 1_000_000),
            duration_ms=part.output.end_ns // 1_000_000,
            length=length,
            content_sha256=content,
            stored_sha256=stored,
            recording=self._reader.recording,
            chain=self._reader.head,
            frames=self._frames,
            made_by=SOFTWARE,
            made_at=instant(self._clock.now()),
            remarks=tuple(sorted(remarks)),
        )


def _word(publication: str) -> str:
    """What of a publication's name may stand in a file's."""
    return "".join(char for char in publication if char.isascii() and char.isalnum())[:16] or "media"
