"""Synthetic peers, the real relay and the real journal in one process: what is sent arrives and is on record."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.lab.recorders import recorders_in
from core.clock import SystemClock
from core.ids import new_id
from media.commands import Answered, Arm, Closed, CloseSession, Forward, OpenSession, Publish, RecorderReady, Subscribe
from media.config import MediaSettings
from media.service import MediaService
from recordings import jobs
from recordings.library import Library
from rehearsal.peers import Answer, Exchange, Receiving, Sending
from rehearsal.recorded import examine

SESSION, RECORDING = new_id(), new_id()


class Desk:
    """Gives commands to a media process as signaling would, and waits for what comes back."""

    def __init__(self, service: MediaService) -> None:
        self._service = service
        self._events: list[Any] = []
        self._news = asyncio.Condition()
        self._requests = 0
        self._tasks: set[asyncio.Task[None]] = set()
        service.connect(self._emit)

    def tell(self, command: Any) -> None:
        self._service.handle(command, self._emit)

    async def first(self, wanted: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: any(map(wanted, self._events)))
            return next(filter(wanted, self._events))

    def exchange(self, make: Callable[[str, str], Any]) -> Exchange:
        async def post(offer: str) -> Answer:
            self._requests += 1
            request = f"r{self._requests}"
            self.tell(make(request, offer))
            event = await self.first(lambda event: getattr(event, "request", None) == request)
            assert isinstance(event, Answered), event
            return Answer(event.answer, event.resource)

        return post

    def publish(self, number: int) -> Exchange:
        whose = {"session": SESSION, "endpoint": f"e{number}", "role": "party", "publication": "camera"}
        return self.exchange(lambda request, offer: Publish(request=request, offer=offer, **whose))

    def subscribe(self, number: int, source: int) -> Exchange:
        whose = {"session": SESSION, "endpoint": f"e{number}", "source": f"e{source}", "publication": "camera"}
        return self.exchange(lambda request, offer: Subscribe(request=request, offer=offer, **whose))

    def _emit(self, event: Any) -> None:
        task = asyncio.create_task(self._note(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _note(self, event: Any) -> None:
        async with self._news:
            self._events.append(event)
            self._news.notify_all()


@asynccontextmanager
async def desk(data_dir: Path) -> AsyncIterator[Desk]:
    clock = SystemClock()
    settings = MediaSettings(control_path=data_dir / "media.sock", bind=("127.0.0.1",), loopback=True)
    async with recorders_in(data_dir, clock) as recorders:
        service = MediaService(settings, recorders, clock)
        await service.start()
        try:
            yield Desk(service)
        finally:
            await service.stop()


async def test_two_peers_see_each_other_and_the_recorded_files_show_both(tmp_path: Path) -> None:
    """Both lines carry the right code; the derived WebM of each, decrypted, holds its code, tone and right jumps."""
    async with desk(tmp_path) as relay:
        relay.tell(OpenSession(session=SESSION))
        sending = [Sending(relay.publish(number), number) for number in (1, 2)]
        receiving = [Receiving(relay.subscribe(number, 3 - number)) for number in (1, 2)]
        await asyncio.gather(*(peer.open() for peer in sending))
        await asyncio.gather(*(peer.open() for peer in receiving))
        relay.tell(Arm(session=SESSION, recording=RECORDING, kind="rehearsal", policy="clear"))
        await relay.first(lambda event: isinstance(event, RecorderReady))
        assert not any(peer.seen.frames for peer in receiving)
        relay.tell(Forward(session=SESSION, on=True))
        await asyncio.sleep(2.5)
        relay.tell(CloseSession(session=SESSION, reason="over"))
        closed = await relay.first(lambda event: isinstance(event, Closed))
        await asyncio.gather(*(peer.close() for peer in (*sending, *receiving)))
    assert [set(peer.seen.numbers) for peer in receiving] == [{2}, {1}]
    library = Library(tmp_path, SystemClock())
    found = await library.verify(RECORDING)
    assert (found.verdict.value, found.digest) == ("INTACT", closed.digest)
    await _check_files(library, tmp_path)


async def _check_files(library: Library, folder: Path) -> None:
    await jobs._run("finalize", str(library.data_dir), RECORDING)
    files = await library.files(RECORDING)
    assert {file.endpoint for file in files} == {"e1", "e2"}
    for file in files:
        playable = await library.open(RECORDING, file.file)
        with (folder / file.endpoint).open("wb") as out:
            async for piece in playable.chunks():
                out.write(piece)
        playable.close()
        shown = examine(folder / file.endpoint, int(file.endpoint[1:]), "camera", random.Random(5))
        assert shown.frames_own > 20
        assert shown.tones_own > 0
        assert (shown.frames_foreign, shown.tones_foreign, shown.error) == (0, 0, "")
        assert all(seek.picture and seek.sound for seek in shown.seeks)
