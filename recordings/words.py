"""A verification in words for people, in either language: msgids with values, translated where they are shown."""

from collections.abc import Mapping

from recordings.verdicts import Range, Verdict, Verification

Sentence = tuple[str, Mapping[str, object]]
"""A msgid of the catalogue and the values of its places."""

_SUMMARY: Mapping[Verdict, str] = {
    Verdict.INTACT: "Unaltered and complete since it was recorded. Whether the content is true is not ours to say.",
    Verdict.MODIFIED: "Not unaltered: parts of this recording are not what was signed when it was recorded.",
    Verdict.MISSING: "Not complete: parts that were signed when this was recorded are missing.",
    Verdict.INCOMPLETE: "Unaltered as far as it goes, but its end was never signed: "
    "it was cut off or is still going on.",
    Verdict.UNPINNED: "It agrees with its own signatures, but whose they are is not known here. "
    "Give the site's public key with --trust.",
    Verdict.ERASED: "The content was destroyed on purpose, and the site signed that. "
    "What was recorded when, and its digest, remain and are unaltered.",
    Verdict.UNUSABLE: "This is not a recording that can be checked.",
}
_FOREIGN = "This was not signed by the site you trust: somebody else made it, or made it anew."
_GAPS = "Where nothing could be kept, the recorder said so at the time; those times are listed."

_CAUSES: Mapping[str, str] = {
    "aside-altered": "A torn piece put aside after a crash has been altered.",
    "aside-missing": "A torn piece put aside after a crash is missing.",
    "bundle-foreign": "The list of the bundle’s files was signed by another site than the recording.",
    "chain-cut": "The ledger knew records of this time that are gone: the chain was cut, it did not break off.",
    "chain-missing": "The chain of signatures is missing.",
    "chain-torn": "The last line was torn while it was written; nothing vouches for it.",
    "chain-unreadable": "No line of the chain can be believed.",
    "clock-stepped": "The clock was set while this was recorded; the time of day may be wrong, the order is not.",
    "erased": "Destroyed on purpose.",
    "file-altered": "A file of the bundle is not the one the site listed.",
    "file-missing": "A file that the site listed is missing from the bundle.",
    "file-unlisted": "A file to play that the site did not list; nothing vouches for it.",
    "foreign-site": "Signed by a key other than the one you trust.",
    "frame-altered": "The picture and sound of this time are not what was recorded.",
    "genesis-missing": "The first record, which says what this is a recording of, is missing.",
    "keys-altered": "The wrapped keys are not those the recording began with.",
    "keys-missing": "The wrapped keys are missing: the content can no longer be opened.",
    "ledger-altered": "The proofs from the ledger are not those the site signed.",
    "line-altered": "A record of this time was altered.",
    "line-foreign": "A record of this time was signed by a key that is not this recording's.",
    "line-moved": "A record is not in the place it was signed for.",
    "line-unreadable": "A record of this time cannot be read.",
    "lines-after-close": "Something was added after the signed end.",
    "lines-missing": "Records of this time were taken out.",
    "log-altered": "An entry of the log was altered.",
    "log-missing": "An entry of the log is missing.",
    "log-unsigned": "The log holds an entry that nobody signed.",
    "root-differs": "The signed total over all records does not fit them.",
    "segment-cut": "The picture and sound of this time were cut off.",
    "segment-missing": "The file with the picture and sound of this time is missing.",
    "segment-tail": "Bytes after the last signed second; nothing vouches for them.",
    "segment-unsigned": "A file that no record speaks of; nothing vouches for it.",
    "site-unknown": "Consistent in itself; the signing site is not known here.",
    "restart": "The recorder was restarted; nothing was kept in between.",
    "overflow": "The disk could not keep up; what came in was not kept.",
    "disk-stalled": "The disk did not answer; what came in was not kept.",
    "disk-full": "The disk was full; what came in was not kept.",
    "disk-unwritable": "The disk could not be written; what came in was not kept.",
    "sums-altered": "The list of the bundle’s files is not the one the site signed.",
    "sums-missing": "The signed list of the bundle’s files is missing.",
    "token-invalid": "The time stamp does not fit the record it stands for.",
}
_REMARKS: Mapping[str, str] = {
    "clock-not-synchronised": "The recording machine did not know its clock to be synchronised.",
    "erased": "The keys were destroyed on purpose and the site signed that: the content cannot be opened any more.",
    "not-in-ledger": "There is no proof from the ledger here: only the site can say whether the end was cut off.",
    "not-timestamped": "No time stamp of an independent authority yet.",
    "timestamps-not-checked": "There are time stamps, but no authority's certificate is pinned here to check them.",
    "renamed": "The folder has another name than the recording.",
}
_UNUSABLE: Mapping[str, str] = {
    "not-a-directory": "There is no folder of that name.",
    "not-a-recording": "The folder holds no recording.",
    "not-a-chain": "The file chain.jsonl is not a chain.",
    "unreadable": "The files cannot be read.",
}


def summary(found: Verification) -> list[Sentence]:
    """The verdict in one to three sentences, the first of them the answer."""
    if found.provenance.foreign and not found.unusable:
        return [(_FOREIGN, {})]
    sentences: list[Sentence] = [(_SUMMARY[found.verdict], {})]
    if found.unusable:
        sentences.append((_UNUSABLE[found.unusable], {}))
    if any(item.verdict is Verdict.GAP for item in found.ranges):
        sentences.append((_GAPS, {}))
    return sentences


def cause(item: Range) -> Sentence:
    """Why a range is not INTACT."""
    return _CAUSES.get(item.cause, "Nothing was kept for this time."), item.where


def remark(word: str) -> Sentence:
    return _REMARKS.get(word, word), {}


def clock(ms: int) -> str:
    """Media time as ``1:02:03``: the second a finding names."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
