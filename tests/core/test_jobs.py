"""Jobs are enqueued with the transaction that asks, run at least once, and rest as failed rather than run for ever."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core import jobs
from core.jobs import Job, Worker


@pytest.fixture
def enqueue(database, clock):
    async def go(kind="greet", payload=None, *, after=0.0, key=None):
        async with database.transaction() as tx:
            due = clock.now() + timedelta(seconds=after)
            await jobs.enqueue(tx, kind, payload or {"n": 1}, due=due, key=key)

    return go


async def states(database):
    async with database.transaction(write=False) as tx:
        return [(job.state, job.attempts, job.error) for job in (await tx.execute(select(Job))).scalars()]


def worker(database, clock, handler, kind="greet"):
    return Worker(database, clock, {kind: handler})


async def test_a_due_job_is_run_once(database, clock, enqueue):
    """The handler gets the payload; afterwards there is nothing to do."""
    done = []

    async def greet(payload):
        done.append(payload)

    await enqueue(payload={"id": "x"})
    assert await worker(database, clock, greet).run_one()
    assert not await worker(database, clock, greet).run_one()
    assert done == [{"id": "x"}]
    assert await states(database) == [("done", 1, None)]


async def test_a_job_of_a_rolled_back_transaction_never_was(database, clock):
    """Nothing is done for something that did not happen."""

    async def fail():
        async with database.transaction() as tx:
            await jobs.enqueue(tx, "greet", {}, due=clock.now())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await states(database) == []


async def test_a_later_job_waits_for_its_time(database, clock, enqueue):
    """Before it is due a job is not touched; of two, the one due longest comes first."""
    order = []

    async def greet(payload):
        order.append(payload["n"])

    await enqueue(payload={"n": 2}, after=20)
    await enqueue(payload={"n": 1}, after=10)
    runner = worker(database, clock, greet)
    assert not await runner.run_one()
    clock.advance(30)
    assert await runner.run_one()
    assert await runner.run_one()
    assert order == [1, 2]


async def test_the_same_key_is_one_job_also_at_once(database, clock, enqueue):
    """Asking ten times in parallel with one key leaves one job, and again after it is done."""
    await asyncio.gather(*(enqueue(key="finalise:1") for _ in range(10)))

    async def greet(payload):
        pass

    assert await worker(database, clock, greet).run_one()
    await enqueue(key="finalise:1")
    assert await states(database) == [("done", 1, None)]


async def test_a_failing_job_is_tried_again_later_and_rests_at_last(database, clock, enqueue):
    """Each try waits twice as long; after the last the job is failed and names the exception's class only."""

    async def fail(payload):
        raise ValueError("with a name in it")

    await enqueue()
    runner = worker(database, clock, fail)
    for attempt in range(1, jobs.ATTEMPTS + 1):
        assert await runner.run_one()
        assert not await runner.run_one()
        clock.advance(2**attempt)
    assert await states(database) == [("failed", jobs.ATTEMPTS, "ValueError")]


async def test_a_job_whose_worker_died_is_taken_up_again(database, clock, enqueue):
    """When the lease is over another worker runs the job; before, it does not."""

    async def forever(payload):
        await asyncio.Event().wait()

    async def greet(payload):
        pass

    await enqueue()
    running = asyncio.create_task(worker(database, clock, forever).run_one())
    while await states(database) != [("running", 1, None)]:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not await worker(database, clock, greet).run_one()
    clock.advance(jobs.LEASE.total_seconds() + 1)
    assert await worker(database, clock, greet).run_one()
    assert await states(database) == [("done", 2, None)]


async def test_a_job_that_kills_its_workers_is_given_up(database, clock, enqueue):
    """A job claimed as often as allowed and never finished rests as failed instead of killing for ever."""

    async def greet(payload):
        raise AssertionError("must not run")

    await enqueue()
    async with database.transaction() as tx:
        past = clock.now() - timedelta(seconds=1)
        await tx.execute(update(Job).values(state="running", attempts=jobs.ATTEMPTS, lease=past))
    assert await worker(database, clock, greet).run_one()
    assert await states(database) == [("failed", jobs.ATTEMPTS, "WorkerDied")]


async def test_two_workers_never_take_the_same_job(database, clock, enqueue):
    """Of twenty jobs each is run once by one of four workers."""
    done = []

    async def greet(payload):
        done.append(payload["n"])

    for n in range(20):
        await enqueue(payload={"n": n})

    async def drain():
        runner = worker(database, clock, greet)
        while await runner.run_one():
            pass

    await asyncio.gather(*(drain() for _ in range(4)))
    assert sorted(done) == list(range(20))


async def test_a_job_of_an_unknown_kind_is_left_alone(database, clock, enqueue):
    """A worker takes only what it has handlers for."""
    await enqueue(kind="later.version")

    async def greet(payload):
        pass

    assert not await worker(database, clock, greet).run_one()


async def test_old_done_jobs_are_forgotten_but_keyed_ones_stay(database, clock, enqueue):
    """Tidying never lets something be done twice."""
    await enqueue()
    await enqueue(key="once")
    async with database.transaction() as tx:
        await tx.execute(update(Job).values(state="done"))
        await jobs.tidy(tx, clock.now() + timedelta(days=1))
    async with database.transaction(write=False) as tx:
        assert list((await tx.execute(select(Job.key))).scalars()) == ["once"]


@pytest.fixture
def act(database, clock):
    async def go(what, **values):
        async with database.transaction() as tx:
            return await what(tx, "film", **values)

    return go


async def running(database, handler, enqueue, clock):
    """A worker in the middle of a job."""
    await enqueue(key="film")
    task = asyncio.create_task(worker(database, clock, handler).run_one())
    while await states(database) != [("running", 1, None)]:
        await asyncio.sleep(0.01)
    return task


async def test_a_job_called_off_while_it_runs_is_stopped(database, clock, enqueue, act):
    """Its handler is cancelled, the worker goes on with the next one, and nothing says that it was done."""
    stopped = []

    async def forever(payload):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(payload["n"])
            raise

    task = await running(database, forever, enqueue, clock)
    assert await act(jobs.cancel, now=clock.now())
    assert await task
    assert stopped == [1]
    assert await states(database) == [("cancelled", 1, None)]
    clock.advance(jobs.LEASE.total_seconds() + 1)
    assert not await worker(database, clock, forever).run_one()


async def test_a_job_called_off_as_it_ends_stays_called_off(database, clock, enqueue, act):
    """A handler that was through, or failed, before anybody saw the word does not overwrite it."""
    called_off = asyncio.Event()

    async def fail(payload):
        await called_off.wait()
        raise ValueError

    task = await running(database, fail, enqueue, clock)
    assert await act(jobs.cancel, now=clock.now())
    called_off.set()
    assert await task
    assert await states(database) == [("cancelled", 1, None)]


async def test_a_job_called_off_before_it_began_is_not_begun_and_can_be_asked_for_again(database, clock, enqueue, act):
    """A second request of its key is none; resumed it runs, but not before another worker has let go of it."""
    done = []

    async def greet(payload):
        done.append(payload["n"])

    await enqueue(key="film")
    assert await act(jobs.cancel, now=clock.now())
    assert not await act(jobs.cancel, now=clock.now())
    await enqueue(key="film")
    assert not await worker(database, clock, greet).run_one()
    assert await act(jobs.resume, now=clock.now())
    assert not await act(jobs.resume, now=clock.now())
    assert not await worker(database, clock, greet).run_one()
    clock.advance(2 * jobs.NOTICED.total_seconds())
    assert await worker(database, clock, greet).run_one()
    assert done == [1]
    assert await states(database) == [("done", 1, None)]
    assert not await act(jobs.cancel, now=clock.now())


async def test_a_worker_that_is_stopped_ends_its_job_and_leaves_it_to_others(database, clock, enqueue):
    """The handler is cancelled with the worker, and the job stays running until its lease is over."""
    stopped = []

    async def forever(payload):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(payload["n"])

    task = await running(database, forever, enqueue, clock)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped == [1]
    assert await states(database) == [("running", 1, None)]


async def test_a_job_asked_for_again_runs_again(database, clock, enqueue):
    """Though it was done, was given up, or runs; asked for once before it ran it is one job, and one that somebody
    called off stays so."""
    done = []

    async def greet(payload):
        done.append(payload)

    async def again():
        async with database.transaction() as tx:
            await jobs.ask_again(tx, jobs.Wanted("greet", {"n": 1}, clock.now(), "one"))

    async def put(state):
        async with database.transaction() as tx:
            await tx.execute(update(Job).values(state=state))

    works = worker(database, clock, greet)
    await again()
    await again()
    clock.advance(3)
    assert (await works.run_one(), await works.run_one(), len(done)) == (True, False, True)
    for state in ("done", "failed", "running"):
        await put(state)
        await again()
        assert (await states(database))[0][:2] == ("waiting", 0)
        assert not await works.run_one(), "whoever runs it has let go of it first"
        clock.advance(3)
        assert await works.run_one()
    assert len(done) == 4
    await put("cancelled")
    await again()
    clock.advance(3)
    assert not await works.run_one()
