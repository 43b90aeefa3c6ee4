"""Handing recordings over with the case file (随案移送): bundles, a list to sign, labels, a receipt that is checked.

The folder is meant for a disc or a drive. The sheet names each bundle's digest and the site's fingerprint, with places
for both signatures; the recipient runs the check on what arrived and signs the same figures.
"""

import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import Clock
from core.texts import Texts
from recordings import keys, printed
from recordings.canonical import canonical, instant, parsed
from recordings.chain import b64
from recordings.discs import parts_of
from recordings.export import Exported, export
from recordings.keys import SiteKeys
from recordings.workingcopy import WorkingCopy

DOMAIN = b"yuanjian/handover/1\n"
LIST = "handover.jsonl"
SHEET = "handover.html"
_CHUNK = 1 << 20
_SHEET = Path(__file__).parent / "bundle" / "handover.html"


class Bundle(Enum):
    """What is handed over of each recording."""

    ORIGINAL = "original"
    ENCRYPTED = "encrypted"
    """The original as it is stored: nobody opens it without the key."""
    WORKING = "working"
    """The signed composed picture."""


@dataclass(frozen=True, slots=True)
class Item:
    """One bundle of a handover."""

    recording: str
    file: str
    bytes: int
    sha256: str
    digest: str
    """Of the chain's last line, as printed on the statement."""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def hand_over(
    data_dir: Path,
    recordings: Sequence[str],
    target: Path,
    site: SiteKeys,
    clock: Clock,
    *,
    recipient: str,
    case: str,
    bundle: Bundle = Bundle.ORIGINAL,
    left_out: Sequence[tuple[str, str]] = (),
    zone: ZoneInfo = printed.ZONE,
) -> list[Item]:
    """Write one bundle per recording, the signed list and the sheet into a new folder. ``left_out``: when and why
    (a msgid) of what belongs to the case and is not in it; list and sheet say so. Pages to be read give times by the
    clocks of ``zone`` and UTC beside them.

    Raises ``KeyMissing``, ``OSError`` and ``ValueError`` for what is no recording id, or has no working copy.
    """
    target.mkdir(parents=True)
    items = []
    for recording in recordings:
        made = _bundle(data_dir, recording, target / f"{recording}.zip", site, clock, bundle, zone)
        size = made.bundle.stat().st_size
        items.append(Item(recording, made.bundle.name, size, made.sha256, made.digest))
    said = {
        "v": 1,
        "type": "handover",
        "at": instant(clock.now()),
        "case": case,
        "recipient": recipient,
        "site": b64(site.public()),
        "items": [item.to_json() for item in items],
    }
    if left_out:
        said["left_out"] = [{"at": at, "why": why} for at, why in left_out]
    text = canonical(said)
    (target / LIST).write_bytes(text + b"\t" + b64(site.sign(DOMAIN + text)).encode() + b"\n")
    (target / SHEET).write_text(_sheet(said, items, keys.fingerprint(site.public()), zone), encoding="utf-8")
    return items


def _bundle(
    data_dir: Path, recording: str, target: Path, site: SiteKeys, clock: Clock, bundle: Bundle, zone: ZoneInfo
) -> Exported:
    if bundle is Bundle.WORKING:
        return WorkingCopy(data_dir, recording, site, clock, zone=zone).write(target)
    made = export(data_dir, recording, target, site, clock, encrypted=bundle is Bundle.ENCRYPTED, zone=zone)
    target.with_name(target.name + ".site.txt").unlink()
    return made


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the recipient's check found."""

    sha256: str
    """Of the signed list, which holds the digests of all bundles: what the recipient reads back."""
    signed: bool
    """Whether the list is signed by the site it names."""
    site: str
    """Fingerprint of that site, to be compared with the one known from elsewhere."""
    wrong: tuple[str, ...]
    """Files that are missing or not what the list says."""
    items: int

    @property
    def ok(self) -> bool:
        return self.signed and not self.wrong


def check(folder: Path) -> Receipt:
    """Check what arrived against the signed list. Raises ``ValueError`` when there is no list."""
    raw = (folder / LIST).read_bytes() if (folder / LIST).is_file() else b""
    text, _, coded = raw.rstrip(b"\n").partition(b"\t")
    try:
        said = parsed(text)
        site, items = keys.decode_key(said["site"]), [Item(**item) for item in said["items"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError("there is no list of a handover here") from None
    signed = keys.is_signed(site, keys.decode(coded.decode("ascii", "replace")), DOMAIN + text)
    wrong = [item.file for item in items if not _arrived(folder / Path(item.file).name, item)]
    return Receipt(hashlib.sha256(raw).hexdigest(), signed, keys.fingerprint(site), tuple(wrong), len(items))


def _arrived(path: Path, item: Item) -> bool:
    """Whole, or in the parts into which it was cut for discs."""
    digest, size = hashlib.sha256(), 0
    for part in parts_of(path):
        with part.open("rb") as file:
            while data := file.read(_CHUNK):
                digest.update(data)
                size += len(data)
    return (size, digest.hexdigest()) == (item.bytes, item.sha256)


def _sheet(said: dict[str, Any], items: Sequence[Item], fingerprint: str, zone: ZoneInfo) -> str:
    shown = {"case": str(said["case"]), "recipient": str(said["recipient"]), "at": printed.of_text(said["at"], zone)}
    rows = "".join(
        f"<tr><td>{n}</td><td>{html.escape(item.recording)}</td><td>{item.bytes:,}</td>"
        f"<td><code>{item.sha256}</code></td><td><code>{item.digest}</code></td></tr>"
        for n, item in enumerate(items, 1)
    )
    labels = "".join(
        f"<section class=label><b>{html.escape(item.recording)}</b><br>{html.escape(shown['case'])}<br>"
        f"<code>{item.sha256}</code><br>{html.escape(shown['recipient'])}<br>{html.escape(shown['at'])}"
        "<p class=signed><span>移送 Handed over</span><span>接收 Received</span></p></section>"
        for item in items
    )
    page = _SHEET.read_text(encoding="utf-8").replace("{{left_out}}", _left_out(said.get("left_out", ()), zone))
    for name, value in shown.items():
        page = page.replace("{{" + name + "}}", html.escape(value))
    return page.replace("{{fingerprint}}", fingerprint).replace("{{rows}}", rows).replace("{{labels}}", labels)


def _left_out(items: Sequence[Mapping[str, str]], zone: ZoneInfo) -> str:
    """What is not in it, in both languages; nothing when all is."""
    if not items:
        return ""
    say = Texts("zh-CN")
    rows = "".join(
        f"<tr><td>{html.escape(printed.of_text(item['at'], zone))}</td><td>{html.escape(say(item['why']))} "
        f"<span lang=en>{html.escape(item['why'])}</span></td></tr>"
        for item in items
    )
    return f"<h2>未移交 <span lang=en>Not included</span></h2>\n<table>{rows}</table>"
