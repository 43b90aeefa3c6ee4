"""Makes the golden recording of the current format version: run once per version, then never again.

python tests/golden_make.py tests/golden/v1.1
"""

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "recordings")]

import synthetic  # noqa: E402  beside the tests, found by the path above
from studio import Studio  # noqa: E402

from core import merkle  # noqa: E402
from core.notes import Checkpoint, Signer  # noqa: E402
from recordings import anchors  # noqa: E402
from recordings.chain import b64  # noqa: E402
from recordings.finalize import Finalizer  # noqa: E402

LEDGER = Signer("ledger.example", bytes(range(32)))


def entry(number: int, take: int, studio: Studio) -> str:
    """An entry of the ledger, as ``core.ledger.entry_bytes`` writes it."""
    standing = studio.take.standing  # type: ignore[union-attr]
    details = {"take": take, "ms": standing.last_ms, "digest": standing.writing.head}
    said = [number, "2026-11-21T10:00:05.000000+00:00", anchors.HEAD, "system", "golden-1", details, "0" * 64]
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def proofs(entries: list[str]) -> list[dict[str, object]]:
    """Both entries in a tree of two."""
    leaves = [merkle.leaf_hash(text.encode()) for text in entries]
    note = LEDGER.sign(Checkpoint("ledger.example", 2, merkle.node_hash(*leaves)).text())
    return [
        {"entry": text, "index": index, "proof": [b64(leaves[1 - index])], "checkpoint": note}
        for index, text in enumerate(entries)
    ]


def main(place: Path) -> None:
    """Three seconds of one participant, a crash, two seconds more; the ledger knows the crash and the end."""
    empty = LEDGER.sign(Checkpoint("ledger.example", 0, merkle.EMPTY).text())
    studio = Studio(place, "golden-1", checkpoint=empty)
    studio.clock.set(datetime(2026, 11, 21, 10, 0, tzinfo=UTC))
    sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
    studio.begin().play(synthetic.merged(synthetic.audio_stream(sound, 3), synthetic.video_stream(picture, 3)))
    entries = [entry(1, 1, studio)]
    with studio.files.chain.open("ab") as file:
        file.write(b'{"torn')
    studio.crash()
    studio.clock.advance(4)
    studio.begin().play(synthetic.merged(synthetic.audio_stream(sound, 2), synthetic.video_stream(picture, 2)))
    studio.close()
    entries.append(entry(2, 0, studio))
    document = anchors.document("golden-1", str(LEDGER.verifier), proofs(entries), studio.site)
    (studio.files.root / anchors.FILE).write_bytes(document)
    Finalizer(place, lambda: studio.site, studio.clock, studio.disk).run("golden-1")
    (place / "keys" / "site-signing.pem").unlink()
    studio.files.lock.unlink(missing_ok=True)


if __name__ == "__main__":
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    main(Path(sys.argv[1]))
