"""Words of the domain as pages say them: enumerated values of the packages below, as msgids."""

from collections.abc import Mapping

from core.texts import msgid as m
from scheduler import administration, reasons, reviews


def icon(name: str) -> str:
    """Mark ``name`` as an icon that the sprite must hold; returns it unchanged."""
    return name


ROLES: Mapping[str, str] = {
    "officer": m("Officer"),
    "cooperating_officer": m("Co-operating officer"),
    "duty_officer": m("Duty officer"),
    "reviewer": m("Legal reviewer"),
    "inspector": m("Inspector"),
    "prosecutor": m("Prosecutor"),
    "judge": m("Judge"),
    "clerk": m("Court clerk"),
    "lawyer": m("Lawyer"),
    "interpreter": m("Interpreter"),
    "administrator": m("Administrator"),
    "security": m("Security staff"),
    "operator": m("Operator of the site"),
    "guest": m("Guest"),
    "terminal": m("Terminal"),
    "detainee": m("Person in custody"),
    "witness": m("Witness"),
    "victim": m("Victim"),
    "guardian": m("Guardian"),
    "synthetic": m("Synthetic participant"),
}

ENDPOINTS: Mapping[str, str] = {
    "host": m("Officers’ place"),
    "post": m("Duty post"),
    "party": m("Participant"),
    "guest": m("Guest"),
    "room": m("Room"),
}

TREES: Mapping[str, str] = {
    "police": m("Police"),
    "procuratorate": m("Procuratorate"),
    "court": m("Court"),
    "justice": m("Justice bureau and bar"),
}

KINDS: Mapping[str, str] = {
    "visit": m("Lawyer visit"),
    "interrogation": m("Interrogation"),
    "statement": m("Witness statement"),
    "rehearsal": m("Rehearsal"),
}

KIND_ICONS: Mapping[str, str] = {
    "visit": icon("briefcase"),
    "interrogation": icon("chat-square-text"),
    "statement": icon("person-video3"),
    "rehearsal": icon("broadcast"),
}

KIND_HINTS: Mapping[str, str] = {
    "visit": m("With your client in custody. Not recorded, and nobody listens."),
    "interrogation": m("With a person in custody, by video or together in one room. Recorded throughout."),
    "statement": m("With a witness or victim, at their own phone or in a station. Recorded throughout."),
    "rehearsal": m("A try with synthetic participants."),
}

STATES: Mapping[str, str] = {
    "requested": m("Waiting for the facility"),
    "confirmed": m("Confirmed"),
    "declined": m("Declined"),
    "withdrawn": m("Withdrawn"),
    "cancelled": m("Cancelled"),
    "done": m("Took place"),
    "no_show": m("Did not take place"),
}

STATE_LOOKS: Mapping[str, tuple[str, str]] = {
    "requested": ("warn", icon("hourglass-split")),
    "confirmed": ("good", icon("check-circle")),
    "declined": ("stop", icon("x-circle")),
    "withdrawn": ("", icon("dash-circle")),
    "cancelled": ("stop", icon("x-circle")),
    "done": ("", icon("check2-all")),
    "no_show": ("warn", icon("exclamation-circle")),
}
"""Colour and shape of a state; the word stands beside them."""

FACILITY_KINDS: Mapping[str, str] = {
    "detention_centre": m("Detention centre"),
    "case_centre": m("Case-handling centre"),
    "station": m("Police station"),
}

ROOM_USES: Mapping[str, str] = {
    "visit": m("Interview room"),
    "interrogation": m("Interrogation room"),
    "evidence": m("Remote evidence room"),
    "lawyer": m("Lawyer's room"),
}

EQUIPMENT: Mapping[str, str] = {
    "printer": m("Printer"),
    "document_camera": m("Document camera"),
    "wheelchair": m("Accessible by wheelchair"),
    "signature_pad": m("Signature pad"),
    "fingerprint": m("Fingerprint reader"),
}

ZONES: Mapping[str, str] = {"Asia/Shanghai": m("Beijing time"), "Asia/Urumqi": m("Urumqi time")}

CUSTODY: Mapping[str, str] = {
    "not_admitted": m("Not yet admitted"),
    "detained": m("In the detention centre"),
    "outside": m("Outside: hospital, home or court"),
    "released": m("Released"),
}

ABSENCES: Mapping[str, str] = {
    "outside": m("In hospital"),
    "court": m("At court"),
    "ill": m("Ill, stays here"),
}
"""An absence as the post that wrote it down reads it."""

WHY: Mapping[str, str] = {
    "transferred": m("The person is held elsewhere now."),
    "released": m("The person has been released."),
    "outside": m("The person is away for now."),
    "ill": m("The person is ill."),
    "court": m("The person is at court then."),
    "device": m("A device of the room has failed."),
    "room": m("The room cannot be used then."),
    "overrun": m("The session before goes on."),
    "closed": m("The facility is closed then."),
}
"""Why a booking is to be looked at, as the post reads it."""

DAY_SETS: Mapping[str, str] = {
    "all": m("Every day"),
    "working": m("Working days"),
    "free": m("Weekends and holidays"),
    "12345": m("Monday to Friday"),
    "67": m("Saturday and Sunday"),
    "1": m("Monday"),
    "2": m("Tuesday"),
    "3": m("Wednesday"),
    "4": m("Thursday"),
    "5": m("Friday"),
    "6": m("Saturday"),
    "7": m("Sunday"),
}
PARAMETERS: Mapping[str, str] = {
    "days": m("Number of days"),
    "hours": m("Hours"),
    "minutes": m("Minutes"),
    "officers": m("Number of officers"),
    "count": m("How often"),
    "first": m("First working day ahead"),
    "last": m("Last working day ahead"),
    "most": m("At most"),
    "bands": m("Bands of the day"),
    "from_hour": m("From (hour)"),
    "until_hour": m("Until (hour)"),
}
BREAKS: Mapping[str, str] = administration.BREAK_TEXT

MOVED: Mapping[str, str] = {
    "hospital": m("In hospital"),
    "court": m("At court"),
    "ill": m("Ill, stays here"),
    "back": m("Is back, or well again"),
    "transferred": m("Transferred to another facility"),
    "released": m("Released"),
}

REASONS: Mapping[str, str] = reasons.REASON_TEXT
OWNERS: Mapping[str, str] = {owner.value: text for owner, text in reasons.OWNER_TEXT.items()}
BLOCKS: Mapping[str, str] = reviews.BLOCK_TEXT

STEPS: Mapping[str, str] = {
    "brought": m("Brought"),
    "identity_checked": m("Identity checked"),
    "escort_left": m("Escort left"),
    "returned": m("Returned"),
}

LIVE_STATES: Mapping[str, str] = {
    "waiting": m("Waiting room open"),
    "arming": m("Getting the recorder ready"),
    "live": m("Running"),
    "held": m("Stopped for now"),
    "ended": m("Ended"),
}

LIVE_LOOKS: Mapping[str, tuple[str, str]] = {
    "waiting": ("plan", icon("door-open")),
    "arming": ("plan", icon("hourglass-split")),
    "live": ("good", icon("broadcast")),
    "held": ("warn", icon("pause-circle")),
    "ended": ("", icon("stop-circle")),
}


def word(table: Mapping[str, str], value: object) -> str:
    """The msgid of an enumerated value; one that has no word yet is shown as it is rather than hidden."""
    return table.get(str(value), str(value))


VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "INTACT": ("good", icon("shield-check"), m("Intact: unaltered and complete since it was recorded")),
    "GAPS": ("good", icon("shield-check"), m("Unaltered since it was recorded; its gaps were stated at the time")),
    "MODIFIED": ("stop", icon("shield-x"), m("Altered: parts are not what was recorded")),
    "MISSING": ("stop", icon("shield-x"), m("Not complete: recorded parts are missing")),
    "INCOMPLETE": ("warn", icon("shield-exclamation"), m("Unaltered as far as it goes, but its end was never signed")),
    "UNPINNED": (
        "warn",
        icon("shield-exclamation"),
        m("It agrees with itself, but whose signature it is is not known"),
    ),
    "ERASED": ("", icon("shield-slash"), m("Destroyed on purpose; what remains is signed")),
    "UNUSABLE": ("stop", icon("shield-x"), m("This cannot be checked")),
}
"""Verdict of the verifier: colour, shape, sentence; ``GAPS`` as ``verdict_of`` says."""


def verdict_of(verdict: str, gaps: int) -> str:
    """The key of ``VERDICTS`` and ``QUOTES``: an intact recording with interruptions is not called complete."""
    return "GAPS" if verdict == "INTACT" and gaps else verdict if verdict in VERDICTS else "UNUSABLE"


METHODS: Mapping[str, str] = {
    "password": m("With the password"),
    "totp": m("With password and code app"),
    "recovery": m("With password and recovery code"),
    "passkey": m("With a passkey"),
    "switch": m("By PIN at a shared desk"),
    "link": m("By one-time link"),
    "outside": m("Through the own authority"),
}
"""How somebody signed in."""

ENDINGS: Mapping[str, str] = {
    "": m("ran out"),
    "signed-out": m("signed out"),
    "revoked": m("ended by hand"),
    "suspended": m("ended: suspended"),
    "switched": m("taken over"),
    "password": m("ended: new password"),
    "pin": m("ended: wrong PINs"),
}
"""How a sign-in ended."""

QUOTES: Mapping[str, str] = {
    "INTACT": m("The recording made from {start} to {end} was checked on {when}: it is unaltered and complete."),
    "GAPS": m(
        "The recording made from {start} to {end} was checked on {when}: it is unaltered; "
        "its recorder stated its gaps ({count}) at the time and signed them."
    ),
    "MODIFIED": m(
        "The recording made from {start} to {end} was checked on {when}: parts of it are not what was recorded."
    ),
    "MISSING": m(
        "The recording made from {start} to {end} was checked on {when}: parts that were recorded are missing."
    ),
    "INCOMPLETE": m(
        "The recording made from {start} to {end} was checked on {when}: "
        "it is unaltered as far as it goes, but its end was never signed."
    ),
    "UNPINNED": m(
        "The recording made from {start} to {end} was checked on {when}: "
        "it agrees with its own signatures, but whose they are is not known here."
    ),
    "ERASED": m(
        "The content of the recording made from {start} to {end} was destroyed by decision; "
        "its times and its check value remain and were found unaltered on {when}."
    ),
    "UNUSABLE": m("What is kept of {start} to {end} cannot be checked as a recording ({when})."),
}
"""The verdict in one sentence to be quoted, by the keys of ``VERDICTS``."""

SPANS: Mapping[str, tuple[str, str]] = {
    "running": (m("Running"), icon("broadcast")),
    "held": (m("Stopped for now"), icon("pause-circle")),
    "present": (m("Present"), icon("person")),
    "kept": (m("Picture or sound"), icon("camera-video")),
    "gap": (m("Gap: nothing was kept"), icon("slash-square")),
    "damaged": (m("Not what was recorded"), icon("exclamation-octagon")),
}
"""What a stretch of the timeline says: word and shape."""

RECORD_STATES: Mapping[str, str] = {
    "intact": m("Intact"),
    "look": m("Look at this"),
    "preparing": m("being prepared"),
    "erased": m("Destroyed"),
}
"""To what a list of records is narrowed (``web.store.STATES``)."""

HOLD_REASONS: Mapping[str, str] = {
    "court-order": m("Ordered by a court"),
    "complaint": m("A complaint is open"),
    "appeal": m("Appeal or retrial"),
    "inspection": m("An inspection is under way"),
    "other-case": m("Needed in another case"),
}

LIFT_REASONS: Mapping[str, str] = {
    "order-ended": m("The order has ended"),
    "decision-final": m("The decision is final"),
    "placed-in-error": m("It was placed by mistake"),
}

KEEPING_REASONS: Mapping[str, str] = {
    "term-over": m("The term is over"),
    "court-order": m("Ordered by a court"),
    "made-in-error": m("Recorded by mistake"),
    "review": m("Internal review"),
    "court-request": m("The court or procuratorate asks for it"),
    "defence-request": m("The defence asks for it"),
}
"""Why a release or a destruction is asked for (``recordings.retention.REASONS``)."""

REQUEST_STATES: Mapping[str, tuple[str, str, str]] = {
    "asked": ("warn", icon("hourglass-split"), m("waits for a second person")),
    "approved": ("good", icon("check-circle"), m("approved")),
    "refused": ("stop", icon("x-circle"), m("refused")),
    "done": ("", icon("check2-all"), m("done")),
}

KEEPING_TOLD: Mapping[str, str] = {
    "hold": m("The legal hold is in force."),
    "lift": m("The legal hold is lifted."),
    "file": m("The record is filed. Its original is sealed from now on."),
    "asked-unseal": m("Your request waits for another person’s approval."),
    "asked-delete": m("Your request waits for another person’s approval. Until then nothing changes."),
    "approved-unseal": m("The release is approved."),
    "refused-unseal": m("The request is refused. The original stays sealed."),
    "approved-delete": m("The destruction is approved. It still has to be carried out, below."),
    "refused-delete": m("The request is refused. Everything is kept."),
    "back": m("The original is sealed again."),
    "destroyed": m("The keys are destroyed. Times, check value and reason remain."),
}
"""What an act of the keeping page has done."""

LOOKS: Mapping[str, tuple[str, str]] = {
    "recording.closed": (icon("lock"), m("The record was closed and signed")),
    "recording.log-viewed": (icon("eye"), m("Read the log and the verdict")),
    "recording.play-granted": (icon("play-circle"), m("Opened picture and sound")),
    "recording.still-viewed": (icon("person-badge"), m("Looked at a still picture of the identity check")),
    "recording.verified": (icon("shield-check"), m("Had everything checked again")),
    "recording.compose-cancelled": (icon("stop-circle"), m("Stopped the making of the composed picture")),
    "recording.compose-resumed": (icon("play-circle"), m("Had the composed picture made after all")),
    "recording.filed": (icon("lock"), m("Filed it with the case; the original was sealed")),
    "recording.filed-viewed": (icon("eye"), m("Viewed the working copy as defence counsel")),
    "recording.filed-copied": (icon("download"), m("Took a copy along as defence counsel")),
    "recording.resealed": (icon("lock"), m("Sealed the original again")),
    "recording.unseal-asked": (icon("unlock"), m("Asked for the release of the original")),
    "recording.unseal-approved": (icon("unlock"), m("Approved the release of the original")),
    "recording.unseal-refused": (icon("x-circle"), m("Refused the release of the original")),
    "recording.held": (icon("shield-lock"), m("Placed a legal hold")),
    "recording.hold-lifted": (icon("shield-slash"), m("Lifted a legal hold")),
    "recording.delete-asked": (icon("trash"), m("Asked for its destruction")),
    "recording.delete-approved": (icon("trash"), m("Approved its destruction")),
    "recording.delete-refused": (icon("x-circle"), m("Refused its destruction")),
    "recording.erased": (icon("trash"), m("Destroyed the keys")),
    "recording.export-asked": (icon("box-seam"), m("Had a bundle made to be handed over")),
    "recording.exported": (icon("download"), m("Took a bundle along")),
    "recording.received": (icon("pencil-square"), m("Entered the recipient’s receipt")),
    "recording.spoilt": (icon("exclamation-triangle"), m("The weekly check found damage that no copy mends")),
    "recording.mended": (icon("wrench"), m("Damage was mended from the second copy")),
}
"""What the ledger says of a record, as its page tells it."""

CONTENTS: Mapping[str, tuple[str, str]] = {
    "working": (m("Working copy"), m("The signed composed picture, to be played anywhere.")),
    "original": (
        m("Original, readable"),
        m("Everything that was received, playable files, log, keys to check it and a checking program."),
    ),
    "encrypted": (m("Original, as stored"), m("Encrypted: only who holds this site’s key can open it.")),
}
"""What is handed over of a recording (``recordings.handover.Bundle``): name and what it means."""

DISCS: Mapping[str, str] = {
    "cd": m("CD (700 MB)"),
    "dvd": m("DVD (4.7 GB)"),
    "dvd-dl": m("Dual-layer DVD (8.5 GB)"),
    "bd": m("Blu-ray (25 GB)"),
}
"""Sizes of disc images (``recordings.discs.SIZES``)."""

HANDOVER_STATES: Mapping[str, tuple[str, str, str]] = {
    "asked": ("plan", icon("hourglass-split"), m("being made")),
    "ready": ("good", icon("check-circle"), m("ready")),
    "failed": ("stop", icon("exclamation-triangle"), m("could not be made")),
    "gone": ("", icon("archive"), m("no longer kept here")),
}

GROUNDS: Mapping[str, str] = {
    "danger": m("In danger for testifying"),
    "privacy": m("Private life of a victim"),
    "special_means": m("Would give away how the police know"),
    "minor": m("A minor"),
}
"""Why a name is not told (``cases.protection.Ground``)."""

SOURCES: Mapping[str, str] = {
    "own_request": m("Asked for it"),
    "unit_decision": m("Decided by the head of the unit"),
    "procuratorate_or_court": m("Asked for by procuratorate or court"),
    "document": m("Date of birth in a document"),
    "statement": m("Own word, or the guardian’s"),
}

PROTECTION_ENDINGS: Mapping[str, str] = {
    "own_wish": m("The person wishes it"),
    "danger_over": m("The danger is over"),
    "court_decided": m("The court has decided so"),
    "mistake": m("It was a mistake"),
}

PURPOSES: Mapping[str, str] = {
    "identity": m("To compare a document with the person"),
    "service": m("To serve or send a paper"),
    "safety": m("To protect the person"),
    "court": m("For the procuratorate or the court"),
    "case_file": m("To make up the secret volume"),
}
"""What a real name is read for (``cases.protection.Purpose``)."""

PROTECTION_STATES: Mapping[str, tuple[str, str, str]] = {
    "standing": ("good", icon("shield-lock"), m("protected")),
    "ending": ("warn", icon("hourglass-split"), m("end waits for approval")),
    "ended": ("", icon("shield-slash"), m("given up")),
}

PROTECTION_TOLD: Mapping[str, str] = {
    "protected": m("From now on the alias stands wherever the name stood."),
    "asked": m("Your request waits for a legal reviewer. Until then the alias stands."),
    "ended": m("The alias is given up. The name stands again in what is planned."),
    "kept": m("The request is refused. The alias stands."),
}
