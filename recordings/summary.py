"""What a chain tells without any key, for timelines and lists; kept beside a closed chain: hours take seconds to read.

What is kept is signed by the site and names the digest of the whole chain it was taken from, so it says what the chain
says or nothing. It is a convenience: backups, copies and bundles leave it out, and whoever misses it reads the chain.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.errors import NotFound
from recordings import keys
from recordings.canonical import canonical, parse_instant
from recordings.chain import b64, sha256, walk
from recordings.filesystem import Disk
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles, data_dir_of
from recordings.timesource import from_ns

Body = Mapping[str, Any]
FILE = ".summary"
DOMAIN = b"yuanjian/summary/1\n"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a chain tells without any key."""

    genesis: Body
    takes: tuple[Body, ...]
    tracks: tuple[Body, ...]
    gaps: tuple[Body, ...]
    log: tuple[Body, ...]
    close: Body | None
    started: datetime
    ended: datetime
    duration_ms: int

    def utc(self, ms: int) -> datetime:
        """The wall time of a media time, by the take it lies in."""
        take = [body for body in self.takes if body["ms"] <= ms][-1:] or list(self.takes[:1])
        return from_ns(int(take[0]["utc_ns"]) + (ms - take[0]["ms"]) * 1_000_000) if take else self.started


def read(files: RecordingFiles) -> Summary:
    """From what is kept where it fits, else from the chain. Raises ``NotFound`` when no line says what this is."""
    raw = files.chain.read_bytes()
    bodies = _recalled(files, sha256(raw))
    return summary_of(list(walk(raw).signed()) if bodies is None else bodies)


def summary_of(bodies: Sequence[Body]) -> Summary:
    """Of the believed records of a chain, in order. Raises ``NotFound`` when none says what this is."""
    genesis = next((body for body in bodies if body["type"] == "genesis"), None)
    if genesis is None:
        raise NotFound("no-recording", "There is no recording here that you can see.")

    def of(kind: str) -> tuple[Body, ...]:
        return tuple(body for body in bodies if body["type"] == kind)

    duration = max(max(body["ms"], body.get("to_ms", 0)) for body in bodies)
    started = parse_instant(genesis["at"])
    close = next(iter(of("close")), None)
    made = Summary(genesis, of("take"), of("track"), of("gap"), of("log"), close, started, started, duration)
    return replace(made, started=made.utc(0), ended=made.utc(duration))


def keep(files: RecordingFiles, site: SiteKeys, disk: Disk) -> None:
    """Keep what a closed chain says, unless that is kept already. Raises ``KeyMissing`` and ``OSError``."""
    raw = files.chain.read_bytes()
    digest = sha256(raw)
    if _recalled(files, digest) is not None:
        return
    bodies = list(walk(raw).signed())
    if any(body["type"] == "close" for body in bodies):
        kept = [body for body in bodies if body["type"] != "frame"]
        text = canonical({"v": 1, "chain": digest, "bodies": kept})
        disk.write_whole(files.root / FILE, text + b"\t" + b64(site.sign(DOMAIN + text)).encode() + b"\n")


def _recalled(files: RecordingFiles, digest: str) -> list[Body] | None:
    """What is kept of the chain of this digest, if the site signed it."""
    data_dir = data_dir_of(files.root)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        text, _, coded = (files.root / FILE).read_bytes().rstrip(b"\n").partition(b"\t")
        signature = keys.decode(coded.decode("ascii"))
        publics = keys.site_publics(data_dir) if data_dir else []
        said = json.loads(text) if any(keys.is_signed(key, signature, DOMAIN + text) for key in publics) else {}
        if said["chain"] == digest:
            return list(said["bodies"])
    return None
