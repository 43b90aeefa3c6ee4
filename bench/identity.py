"""What identity costs: ``python -m bench.identity`` prints one JSON line per figure and asserts nothing.

Sign-in with argon2 at 64 MiB, a permission check, a ledger append beyond its transaction, the proof of one entry in a
million, and how late the loop of the relay gets, with two rooms in it, while 50 wrong sign-ins arrive every second.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import update

from bench.lab.load import Rooms
from bench.relay import Whip
from core import ledger, merkle, migrate, tiles
from core.clock import SystemClock
from core.database import Database, sqlite_url
from core.errors import PersonError
from media.endpoint import local_addresses
from people import logins, registry
from people.logins import Door
from people.models import Person
from people.permissions import Action, Relation, allowed
from people.principals import Principal

PASSWORD = "four quiet river stones"
ROOMS = 2
"""Rooms of two that the relay carries while the sign-ins are attacked."""


def tell(name: str, **figures: float | int | str) -> None:
    """One line of JSON."""
    rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
    print(json.dumps({"bench": name, **rounded}), flush=True)


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(samples)
    return {"p50": statistics.median(ordered), "p95": ordered[int(len(ordered) * 0.95)]}


async def prepared(directory: Path, door: Door) -> Database:
    """A database with one account."""
    database = Database(sqlite_url(directory / "bench.sqlite3"))
    await migrate.upgrade(database, (ledger.GUARD,))
    hashed, clock = await door.passwords.hash(PASSWORD), SystemClock()
    async with database.transaction() as tx:
        unit = await registry.add_organisation(tx, clock, kind="bureau", name="分局", tree="police")
        person = await registry.add_person(tx, clock, organisation=unit.id, name="王某")
        await registry.open_account(tx, clock, person=person.id, login="wang", password_hash=hashed)
        await registry.grant(tx, clock, person=person.id, role="officer")
    return database


async def sign_in(database: Database, door: Door, rounds: int) -> None:
    """Right sign-ins one after the other, from the password to the cookie."""
    samples = []
    for number in range(rounds):
        before = time.perf_counter()
        await logins.sign_in(
            database,
            SystemClock(),
            door,
            login="wang",
            password=PASSWORD,
            address=f"10.0.{number // 250}.{number % 250}",
        )
        samples.append((time.perf_counter() - before) * 1000)
    tell("sign-in", unit="ms", memory_mib=64, rounds=rounds, **spread(samples))


def permission(rounds: int) -> None:
    """Checks of one principal with two roles against the table."""
    principal = Principal(kind="account", id="p", name="王某", roles=frozenset({"officer", "reviewer"}))
    actions, relations = list(Action), frozenset({Relation.OWN_CASE, Relation.PARTICIPANT})
    before = time.perf_counter()
    for number in range(rounds):
        allowed(principal, actions[number % len(actions)], relations)
    tell("permission-check", unit="us", rounds=rounds, mean=(time.perf_counter() - before) / rounds * 1e6)


async def append(database: Database, rounds: int) -> None:
    """A transaction that writes one row, with and without a ledger entry."""
    clock, samples = SystemClock(), {True: [], False: []}  # type: dict[bool, list[float]]
    for number in range(2 * rounds):
        entry = number % 2 == 0
        before = time.perf_counter()
        async with database.transaction() as tx:
            await tx.execute(update(Person).values(phone=str(number)))
            if entry:
                await ledger.append(tx, "bench.done", actor="b", subject="s", at=clock.now(), details={"n": number})
        samples[entry].append((time.perf_counter() - before) * 1000)
    with_entry, without = spread(samples[True]), spread(samples[False])
    tell(
        "ledger-append",
        unit="ms",
        rounds=rounds,
        beyond_transaction_p50=with_entry["p50"] - without["p50"],
        **with_entry,
    )


def proof(directory: Path, size: int, rounds: int) -> None:
    """Inclusion proofs out of the tiles of a large ledger, each with an empty cache, and their verification."""
    before = time.perf_counter()
    for start in range(0, size, 65_536):
        tiles.extend(directory, start, [b"%020d" % n for n in range(start, min(size, start + 65_536))])
    tell("ledger-tiles", unit="s", entries=size, built=time.perf_counter() - before)
    fetch = tiles.directory_fetch(directory)
    root = merkle.root(size, tiles.Tiles(fetch, size).node)
    samples = []
    for number in range(rounds):
        index = number * 7919 % size
        before = time.perf_counter()
        tree = tiles.Tiles(fetch, size)
        path = merkle.inclusion_proof(index, size, tree.node)
        right = merkle.verify_inclusion(merkle.leaf_hash(tree.entry(index)), index, size, path, root)
        samples.append((time.perf_counter() - before) * 1000)
        if not right:
            raise SystemExit("a proof does not hold")
    tell("ledger-proof", unit="ms", entries=size, rounds=rounds, **spread(samples))


async def attack(database: Database, door: Door, directory: Path, seconds: float) -> None:
    """How late the relay's loop is while it forwards and records two rooms, at rest and under wrong sign-ins."""
    host = local_addresses(loopback=True)[0]
    relay = Whip("bench.open_relay", "--port", "0", "--host", host, "--record", str(directory / "recorded"))
    await relay.start()
    load = Rooms(host)
    try:
        await load.fill(ROOMS, 2, relay.publish, relay.subscribe, stamped=False)
        await asyncio.sleep(2)
        for name, rate in (("rest", 0), ("50-wrong-sign-ins-per-second", 50)):
            codes: dict[str, int] = {}
            await relay.lag()
            await asyncio.gather(asyncio.sleep(seconds), _wrong_sign_ins(database, door, rate, seconds, codes))
            tell("relay-loop-lag", under=name, rooms=ROOMS, unit="ms", **await relay.lag(), **codes)
    finally:
        await load.leave()
        await relay.stop()


async def _wrong_sign_ins(database: Database, door: Door, rate: int, seconds: float, codes: dict[str, int]) -> None:
    async def one(number: int) -> None:
        try:
            await logins.sign_in(
                database,
                SystemClock(),
                door,
                login=f"guess{number}",
                password="wrong",
                address=f"10.1.{number // 250 % 250}.{number % 250}",
            )
        except PersonError as error:
            codes[error.code] = codes.get(error.code, 0) + 1

    end, tasks = time.perf_counter() + seconds, set()
    while rate and time.perf_counter() < end:
        tasks.add(asyncio.create_task(one(len(tasks))))
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*tasks)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000, help="size of the ledger that is proved")
    parser.add_argument("--seconds", type=float, default=8, help="length of the attack")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory, door = Path(name), Door()
        database = await prepared(directory, door)
        permission(200_000)
        await sign_in(database, door, options.rounds)
        await append(database, 5 * options.rounds)
        await attack(database, door, directory, options.seconds)
        proof(directory / "ledger", options.entries, 5 * options.rounds)
        await database.close()


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(main())
