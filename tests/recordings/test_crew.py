"""Threads shared by writers."""

import threading
import time

from recordings.crew import LATE, Crew


def test_one_thread_does_what_comes_in_order_while_it_keeps_up():
    """No second thread for work that is done at once, and each piece once."""
    crew, done, over = Crew("test"), [], threading.Event()
    for number in range(200):
        crew.put(lambda number=number: done.append(number))
    crew.put(over.set)
    assert over.wait(10)
    assert (done, crew.threads) == (list(range(200)), 1)


def test_work_that_hangs_does_not_hold_up_the_rest():
    """What waits for longer than it should gets another thread, however many hang."""
    crew, gate, done = Crew("test"), threading.Event(), threading.Event()
    for _ in range(5):
        crew.put(gate.wait)
        time.sleep(LATE * 2)
    crew.put(done.set)
    time.sleep(LATE * 2)
    crew.put(lambda: None)
    assert done.wait(10)
    assert crew.threads > 1
    gate.set()
