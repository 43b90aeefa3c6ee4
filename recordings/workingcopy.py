"""The working copy for whoever may have what was filed: playable files, what the site signed of each, and how to check.

It holds nothing of the sealed original; it says which chain it was made from.
"""

from collections.abc import Collection
from pathlib import Path

from core.clock import Clock
from recordings import derived, keys
from recordings.backup import digest_of
from recordings.canonical import instant
from recordings.derived import SealedReader
from recordings.export import Exported, SumsWriter
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles
from recordings.reader import Reader

_PAGE = Path(__file__).parent / "bundle" / "working-copy.html"


def copy_out(
    data_dir: Path, recording: str, output: Path, site: SiteKeys, clock: Clock, names: Collection[str] | None = None
) -> Exported:
    """Write a zip file with the composed pictures of a recording, or those of ``names``, in clear.

    Raises ``KeyMissing``, ``OSError``, and ``ValueError`` when there is no such picture.
    """
    files = RecordingFiles.of(data_dir, recording)
    key = keys.load_data_key(site, files, recording)
    made = [item for item in derived.sidecars(files.derived) if item.kind == "composed"]
    hiding = [item for item in made if item.file.startswith(derived.PROTECTED)]
    chosen = [item for item in made if item.file in names] if names is not None else hiding or made
    if not chosen:
        raise ValueError(f"{recording}: there is no working copy yet")
    head, fingerprint = Reader(files, key).head, keys.fingerprint(site.public())
    beside = output.with_name(output.name + ".new")
    writer = SumsWriter(beside)
    try:
        for item in chosen:
            with SealedReader(files.derived / item.file, key, recording) as opened:
                writer.put(item.file, opened.chunks())
            writer.put(f"{item.file}.json", (files.derived / f"{item.file}.json").read_bytes())
        writer.put("site.pub", keys.pem(site.public()).encode())
        page = _PAGE.read_text(encoding="utf-8")
        values = {"recording": recording, "digest": head, "fingerprint": fingerprint, "made": instant(clock.now())}
        for name, value in values.items():
            page = page.replace("{{" + name + "}}", value)
        writer.put("README.html", page.encode())
        writer.seal(site)
    finally:
        writer.close()
    beside.replace(output)
    return Exported(output, digest_of(output), fingerprint, head)
