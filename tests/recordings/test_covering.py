"""Which copy hides somebody: due when a name changes, made by the worker, and the only one that is given."""

import io
import zipfile
from types import SimpleNamespace

import av
import numpy as np
import pytest
from sqlalchemy import delete, func, select, update
from test_compose import composer, content, frame_at, session

from core.errors import Denied, NotFound
from core.jobs import Job
from people.permissions import Relation
from people.principals import Principal
from people.veil import Cover, Veil
from recordings import covering, filing, outgoing, store
from recordings.compose import Wishes
from recordings.handover import Bundle
from recordings.jobs import handlers, refresh
from recordings.library import Library
from recordings.models import DerivedFile, Handover, HandoverPart, Recording
from recordings.outgoing import Order
from recordings.retention import Refused
from recordings.workingcopy import WorkingCopy

NAME, ALIAS = "王秀兰", "化名甲"
VEIL = Veil({NAME: ALIAS})
COVER = Cover(VEIL, frozenset({ALIAS}), expected=True)
TRACKS = {"ep-host": "host", "ep-room": "room", "ep-guest": "guest"}


def said(present, endpoint, name, role="witness", event="person"):
    public = {"event": event, "endpoint": endpoint, "present": present, "role": role}
    return {"public": public, "private": {"name": name}}


@pytest.mark.parametrize(
    ("entries", "cover", "masked"),
    [
        ([said("p1", "ep-guest", ALIAS)], COVER, {"ep-guest"}),
        ([said("p1", "ep-guest", NAME)], COVER, {"ep-guest"}),
        ([said("p1", "ep-guest", "王 秀兰"), said("p1", "", "", event="person-dropped")], COVER, {"ep-guest"}),
        ([said("p1", "ep-host", "周建平", "officer"), said("p2", "ep-host", ALIAS)], COVER, {"ep-host"}),
        ([said("p1", "ep-guest", "李四")], COVER, {"ep-guest", "ep-room"}),
        ([], COVER, {"ep-guest", "ep-room"}),
        ([said("p1", "ep-guest", "李四")], Cover(VEIL, frozenset({ALIAS})), set()),
        ([said("p1", "ep-guest", NAME)], Cover(VEIL), set()),
    ],
)
def test_whose_picture_is_hidden(entries, cover, masked):
    """Wherever they were named, by alias or name, also for a while; unnamed although expected: guests and rooms."""
    assert covering.masked(entries, TRACKS, cover) == masked


def test_a_log_is_read_through_the_veil():
    """What was said before somebody was protected; public parts and other names stay."""
    entry = {"public": {"event": "chat", "endpoint": NAME}, "private": {"name": "李四", "text": f"{NAME}来了"}, "ms": 3}
    (shown,) = covering.veiled([entry], VEIL)
    assert shown == {**entry, "private": {"name": "李四", "text": f"{ALIAS}来了"}}
    assert covering.veiled([{"private": None}], VEIL) == [{"private": None}]


def test_only_the_masked_endpoint_is_hidden(studio):
    """Blocks where the person sits, everything where the officer sits; another alias is another file."""
    session(studio, 2)
    plain = content(studio, composer(studio).run("rec-1"))
    wishes = Wishes(protected=frozenset({"ep-room"}))
    made = composer(studio).run("rec-1", wishes)
    assert covering.is_made_here(made.file)
    assert made.file != Wishes(protected=frozenset({"ep-room"}), labels={"ep-room": ALIAS}).file
    before, after = frame_at(plain, 1), frame_at(content(studio, made), 1)
    inset = (slice(440, 600), slice(940, 1250))
    assert np.abs(before[inset] - after[inset]).mean() < 3
    with av.open(io.BytesIO(content(studio, made))) as container:
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    tone = np.abs(np.fft.rfft(sound[24_000:72_000]))
    assert tone[438:443].max() > tone.max() / 2, "the officer's voice is not altered"


class Casting:
    """What is to be hidden, as a test decides it."""

    def __init__(self, cover):
        self.cover = cover

    async def __call__(self, session_):
        return self.cover


@pytest.fixture
async def covered(studio, sqlite_database):
    """A recording of two places with its plain composed picture, known to the database, that is due to be hidden."""
    session(studio, 2)
    composer(studio).run("rec-1")
    await refresh(Library(studio.data_dir, studio.clock), sqlite_database, studio.clock, "rec-1")
    await mark(studio, sqlite_database)
    return studio, sqlite_database


async def mark(studio, database):
    async with database.transaction() as tx:
        await covering.due(tx, SimpleNamespace(sessions=("session-1",), at=studio.clock.now()))


async def row_of(database):
    async with database.transaction(write=False) as tx:
        return await store.find(tx, "rec-1"), await store.files(tx, "rec-1")


async def cover(covered, casting):
    studio, database = covered
    run = handlers(studio.data_dir, database, studio.clock, covers=casting)[covering.JOB]
    await run({"recording": "rec-1"})
    return await row_of(database)


async def test_the_worker_makes_the_copy_and_only_then_it_is_given(covered):
    """Due: no copy. Made: that one. Somebody else marked: due again. Given up: the plain one, no masked one left."""
    studio, database = covered
    row, files = await row_of(database)
    assert covering.is_due(row.cover)
    assert filing.working_copies(files, row.cover) == []
    assert filing.may_file(row, files).rule == "no-working-copy"
    row, files = await cover(covered, Casting(COVER))
    assert [file.file for file in filing.working_copies(files, row.cover)] == [row.cover]
    first = row.cover
    output = WorkingCopy(studio.data_dir, "rec-1", studio.site, studio.clock).write(studio.data_dir / "copy.zip")
    assert output.bundle.exists()
    await mark(studio, database)
    row, files = await row_of(database)
    assert filing.working_copies(files, row.cover) == []
    row, files = await cover(covered, Casting(Cover(Veil({NAME: "化名乙"}), frozenset({"化名乙"}), expected=True)))
    assert row.cover
    row, files = await cover(covered, Casting(Cover()))
    assert row.cover == ""
    assert [file.file for file in filing.working_copies(files, row.cover)] == ["composed.mp4"]
    assert first not in {file.file for file in files}


async def test_nothing_of_the_copy_names_who_is_hidden(covered):
    """Neither its names, the film's own description, what the site signed of it, nor the page beside it."""
    studio, _ = covered
    await cover(covered, Casting(COVER))
    made = WorkingCopy(studio.data_dir, "rec-1", studio.site, studio.clock).write(studio.data_dir / "copy.zip")
    with zipfile.ZipFile(made.bundle) as archive:
        names, contents = archive.namelist(), [archive.read(name) for name in archive.namelist()]
    film = next(content for name, content in zip(names, contents, strict=True) if name.endswith(".mp4"))
    with av.open(io.BytesIO(film)) as container:
        said = [container.metadata, *(stream.metadata for stream in container.streams)]
        assert {stream.type for stream in container.streams} == {"audio", "video"}, "no subtitles"
    told = [*names, str(said), *(content.decode("utf-8", "replace") for content in contents if content is not film)]
    assert len(told) == len(names) * 2
    for name in (NAME, ALIAS, NAME[1:]):
        assert not [text for text in told if name in text or repr(name)[1:-1] in text]
        assert name.encode() not in film


async def test_work_for_an_older_marking_is_not_taken_for_the_newer(covered):
    """Somebody is marked while the copy is made: it stays due."""
    studio, database = covered

    class Late(Casting):
        async def __call__(self, session_):
            await mark(studio, database)
            return self.cover

    row, files = await cover(covered, Late(COVER))
    assert covering.is_due(row.cover)
    assert filing.working_copies(files, row.cover) == []
    row, files = await cover(covered, Casting(COVER))
    assert len(filing.working_copies(files, row.cover)) == 1


async def test_a_copy_that_could_not_be_made_is_asked_for_with_the_next_round(covered):
    """The hourly round asks again for what is due, and for nothing else."""
    studio, database = covered
    run = handlers(studio.data_dir, database, studio.clock, covers=Casting(COVER))["expire_recordings"]

    async def waiting():
        async with database.transaction(write=False) as tx:
            found = select(func.count()).select_from(Job).where(Job.kind == covering.JOB, Job.state == "waiting")
            return (await tx.execute(found)).scalar_one()

    async with database.transaction() as tx:
        await tx.execute(delete(Job))
    await run({})
    assert await waiting() == 1
    async with database.transaction() as tx:
        await tx.execute(delete(Job))
        await tx.execute(update(Recording).values(cover="protected-x.mp4"))
    await run({})
    assert await waiting() == 0


async def test_without_the_mark_on_disk_made_nothing_is_copied_out(covered):
    """A command without a database reads the same mark: while the copy is made, none is given."""
    studio, _ = covered
    library = Library(studio.data_dir, studio.clock)
    await library.mark_cover("rec-1", covering.due_mark())
    with pytest.raises(ValueError, match="no working copy"):
        WorkingCopy(studio.data_dir, "rec-1", studio.site, studio.clock).write(studio.data_dir / "copy.zip")


async def test_who_may_not_see_plainly_opens_the_copy_alone(covered):
    """Reviewer: neither the plain picture nor a participant's own file; the officer of the case: both."""
    studio, database = covered
    row, files = await cover(covered, Casting(COVER))
    own = next(file.file for file in files if file.kind == "participant")
    now = studio.clock.now()

    async def opens(name, *, plain):
        async with database.transaction(write=False) as tx:
            try:
                await filing.require_open(tx, "rec-1", name, person="p-1", now=now, plain=plain)
            except (Denied, NotFound) as refused:
                return refused.code
        return "open"

    assert [await opens(name, plain=False) for name in ("composed.mp4", own, row.cover)] == [
        "protected-person", "protected-person", "open",
    ]  # fmt: skip
    assert [await opens(name, plain=True) for name in ("composed.mp4", own, row.cover)] == ["open"] * 3
    async with database.transaction() as tx:
        await tx.execute(update(Recording).values(state="filed"))
    assert [await opens(name, plain=True) for name in ("composed.mp4", own)] == ["open", "sealed-original"]


async def test_what_was_made_ready_before_is_taken_back(covered):
    """A plain bundle asked for or made before the marking does not leave; an encrypted one may."""
    studio, database = covered
    now, reviewer = (
        studio.clock.now(),
        Principal("account", "p-1", "", frozenset({"reviewer"}), proved=studio.clock.now()),
    )
    async with database.transaction() as tx:
        await tx.execute(update(Recording).values(cover=""))
        for content_, state in (("original", "ready"), ("working", "asked"), ("encrypted", "ready")):
            given = Handover(
                case_number="1", recipient="x", content=content_, disc="", asked_by="p-1", asked=now, state=state,
                files=[],
            )  # fmt: skip
            tx.add(given)
            await tx.flush()
            tx.add(HandoverPart(handover=given.id, recording="rec-1", place=0))
    await mark(studio, database)
    async with database.transaction() as tx:
        states = {row.content: row.state for row in await outgoing.of_recording(tx, "rec-1")}
        answers = {}
        for wanted in Bundle:
            order = Order(wanted, disc="", recipient="x", case_number="1")
            made = await outgoing.ask(tx, reviewer, {"rec-1": {Relation.OWN_TREE}}, order, now=now)
            answers[wanted.value] = made.rule if isinstance(made, Refused) else "asked"
    assert states == {"original": "gone", "working": "gone", "encrypted": "ready"}
    assert answers == {"original": "protected-person", "encrypted": "asked", "working": "no-working-copy"}


async def test_a_recording_that_hides_nobody_is_open_with_its_first_row(studio, sqlite_database):
    """The finalising job says so itself; with somebody to hide, or nobody who can say it, it stays due."""
    session(studio, 1)
    for cover_, due in ((Cover(), False), (COVER, True), (None, True)):
        async with sqlite_database.transaction() as tx:
            await tx.execute(delete(DerivedFile))
            await tx.execute(delete(Recording))
        casting = Casting(cover_) if cover_ else unknown
        run = handlers(studio.data_dir, sqlite_database, studio.clock, covers=casting)["finalize_recording"]
        await run({"recording": "rec-1"})
        row, _ = await row_of(sqlite_database)
        assert covering.is_due(row.cover) is due, cover_


async def unknown(_session):
    raise NotFound("no-booking", "x")


async def test_a_new_recording_is_due_until_somebody_has_looked(studio, sqlite_database):
    """From the first row on: nobody gets a copy before it is known whom it hides. Nobody hidden: the plain one."""
    session(studio, 1)
    library = Library(studio.data_dir, studio.clock)
    await refresh(library, sqlite_database, studio.clock, "rec-1", covered=True)
    row, _ = await row_of(sqlite_database)
    assert covering.is_due(row.cover)
    row, _ = await cover((studio, sqlite_database), Casting(Cover()))
    assert row.cover == ""
