"""The working copy for whoever may have what was filed: playable files, what the site signed of each, and how to check.

It holds nothing of the sealed original; it says which chain it was made from.
"""

import hashlib
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from core.clock import Clock
from recordings import covering, derived, keys, printed
from recordings.derived import SealedReader, Sidecar
from recordings.export import Exported, SumsWriter
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles
from recordings.reader import Reader

_PAGE = Path(__file__).parent / "bundle" / "working-copy.html"


class WorkingCopy:
    """A zip file that is written while it is taken along: nothing of it in clear lies on a disk here."""

    def __init__(
        self,
        data_dir: Path,
        recording: str,
        site: SiteKeys,
        clock: Clock,
        names: Collection[str] | None = None,
        *,
        zone: ZoneInfo = printed.ZONE,
    ) -> None:
        """Raises ``KeyMissing``, ``OSError``, and ``ValueError`` when there is no such picture."""
        self._files = RecordingFiles.of(data_dir, recording)
        self._recording = recording
        self._site = site
        self._clock = clock
        self._zone = zone
        self._key = keys.load_data_key(site, self._files, recording)
        cover = covering.read_mark(self._files.derived)
        self._chosen = _chosen(derived.sidecars(self._files.derived), [cover] if cover else names)
        if not self._chosen:
            raise ValueError(f"{recording}: there is no working copy yet")
        self.digest = Reader(self._files, self._key).head
        """Of the chain's last line."""

    def write(self, output: Path) -> Exported:
        """Put the zip file at ``output``, all of it or nothing. Raises ``DerivedError`` and ``OSError``."""
        digest, beside = hashlib.sha256(), output.with_name(output.name + ".new")
        with beside.open("wb") as target:
            for piece in self.pieces():
                digest.update(piece)
                target.write(piece)
        beside.replace(output)
        return Exported(output, digest.hexdigest(), keys.fingerprint(self._site.public()), self.digest)

    def pieces(self) -> Iterator[bytes]:
        """The zip file from beginning to end. Raises ``DerivedError`` and ``OSError``; it ends torn then."""
        stream = _Stream()
        writer = SumsWriter(stream)
        for item in self._chosen:
            with SealedReader(self._files.derived / item.file, self._key, self._recording) as opened:
                for _ in writer.feed(item.file, opened.chunks()):
                    yield stream.taken()
            writer.put(f"{item.file}.json", (self._files.derived / f"{item.file}.json").read_bytes())
        writer.put("site.pub", keys.pem(self._site.public()).encode())
        writer.put("README.html", self._page())
        writer.seal(self._site)
        writer.close()
        yield stream.taken()

    def _page(self) -> bytes:
        page = _PAGE.read_text(encoding="utf-8")
        values = {
            "recording": self._recording,
            "digest": self.digest,
            "fingerprint": keys.fingerprint(self._site.public()),
            "made": printed.local_and_utc(self._clock.now(), self._zone),
        }
        for name, value in values.items():
            page = page.replace("{{" + name + "}}", value)
        return page.encode()


def _chosen(sidecars: Sequence[Sidecar], names: Collection[str] | None) -> list[Sidecar]:
    """Those of ``names``, or the one cover; else, where somebody is protected, only the copies that hide them. Never
    one whose participants' files were made anew since."""
    old = derived.outdated(sidecars)
    made = [item for item in sidecars if item.kind == "composed" and item.file not in old]
    if names is not None:
        return [item for item in made if item.file in names]
    return [item for item in made if item.file.startswith(derived.PROTECTED)] or made


class _Stream(io.RawIOBase):
    """What a zip file is written into, a piece at a time."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]  # any buffer, as RawIOBase has it
        self._waiting += piece
        return len(piece)

    def taken(self) -> bytes:
        """What was written since the last time."""
        piece, self._waiting = bytes(self._waiting), bytearray()
        return piece
