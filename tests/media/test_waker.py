"""Sockets of media are called back alike on a media process's loop and on any other."""

import asyncio
import os
import signal
import socket
import threading
import time

import pytest

from media.waker import BEAT_S, MediaLoop, waker


def on(factory, scenario):
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(asyncio.wait_for(scenario(), 20))


@pytest.fixture(params=[MediaLoop, None], ids=["media", "ordinary"])
def factory(request):
    return request.param


@pytest.fixture
def pair():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    here.setblocking(False)
    yield here, there
    here.close()
    there.close()


def test_what_can_be_read_is_called_until_it_leaves(factory, pair):
    here, there = pair
    got, enough = [], asyncio.Event()

    async def scenario():
        def ready():
            got.append(here.recv(100))
            if len(got) == 3:
                waker_.leave(here.fileno())
                enough.set()

        waker_ = waker()
        waker_.listen(here.fileno(), ready)
        for number in range(5):
            there.send(bytes([number]))
        await enough.wait()
        await asyncio.sleep(0.05)

    on(factory, scenario)
    assert got == [b"\0", b"\1", b"\2"]


def test_what_a_socket_asks_of_the_loop_is_done_at_once_and_in_time(factory, pair):
    """Callbacks, timers and futures of a socket's callback do not wait for something else to wake the loop."""
    here, there = pair

    async def scenario():
        loop, done = asyncio.get_running_loop(), []
        waited = loop.create_future()
        called, timed = loop.create_future(), loop.create_future()

        def ready():
            here.recv(100)
            began = time.monotonic()
            waited.set_result(None)
            loop.call_soon(called.set_result, None)
            loop.call_later(0.05, lambda: timed.set_result(time.monotonic() - began))

        waker().listen(here.fileno(), ready)
        threading.Timer(0.1, there.send, [b"x"]).start()
        await waited
        await called
        done.append(await timed)
        waker().leave(here.fileno())
        return done

    (took,) = on(factory, scenario)
    assert took >= 0.04


def test_a_flood_keeps_nobody_else_waiting(factory, pair):
    """Timers, threads, signals and asyncio's own sockets have their turn beside a socket that can always be read."""
    here, there = pair
    there.send(b"never taken")

    async def scenario():
        loop = asyncio.get_running_loop()
        calls = [0]

        def ready():
            calls[0] += 1

        waker().listen(here.fileno(), ready)
        await asyncio.sleep(0.02)
        assert await asyncio.to_thread(lambda: 7) == 7
        signalled = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, signalled.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        await signalled.wait()
        loop.remove_signal_handler(signal.SIGUSR1)
        left, right = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=left)
        right.sendall(b"line\n")
        assert await reader.readline() == b"line\n"
        writer.close()
        right.close()
        waker().leave(here.fileno())
        return calls[0]

    assert on(factory, scenario) > 10


def test_a_beat_comes_in_time_and_at_once_while_more_waits(factory):
    async def scenario():
        times, stopped = [], asyncio.Event()

        def beat():
            times.append(time.monotonic())
            if len(times) == 60:
                waker_.stop_time(beat)
                stopped.set()
            return len(times) < 20

        waker_ = waker()
        waker_.keep_time(beat)
        await stopped.wait()
        await asyncio.sleep(5 * BEAT_S)
        return times

    times = on(factory, scenario)
    assert len(times) == 60
    assert times[-1] - times[20] >= 39 * BEAT_S * 0.9
    assert times[19] - times[0] < times[59] - times[40]


def test_a_socket_that_breaks_is_reported_and_heard_again(factory, pair):
    """As an exception in any callback of asyncio: said to its handler, and nothing ends."""
    here, there = pair

    async def scenario():
        said, calls = [], []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["exception"]))
        again = asyncio.Event()

        def ready():
            here.recv(100)
            calls.append(1)
            if len(calls) == 1:
                raise ValueError("once")
            again.set()

        waker().listen(here.fileno(), ready)
        there.send(b"1")
        await asyncio.sleep(0.05)
        there.send(b"2")
        await again.wait()
        waker().leave(here.fileno())
        return said

    assert [str(error) for error in on(factory, scenario)] == ["once"]


def test_datagrams_do_not_turn_the_loop(pair, monkeypatch):
    """What it is for: two hundred wake-ups, and asyncio is asked for nothing."""
    here, there = pair
    turns = []
    inner = MediaLoop._run_once
    monkeypatch.setattr(MediaLoop, "_run_once", lambda self: (turns.append(1), inner(self))[1], raising=False)

    async def scenario():
        count, enough = [0], asyncio.Event()

        def ready():
            here.recv(100)
            count[0] += 1
            if count[0] == 200:
                enough.set()

        def send():
            for _ in range(200):
                there.send(b"x")
                time.sleep(0.0005)

        waker().listen(here.fileno(), ready)
        before = len(turns)
        sending = threading.Thread(target=send)
        sending.start()
        await enough.wait()
        sending.join()
        waker().leave(here.fileno())
        return len(turns) - before

    assert on(MediaLoop, scenario) < 10
