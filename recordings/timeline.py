"""From RTP timestamps to the recording's timeline, so that lips fit words. Pure.

Each sender has a clock of its own. Its reports say which RTP timestamp belongs to which instant of that clock; how
packets arrive says how that clock runs against the server's. Both relations are kept as an offset over time, averaged
and followed slowly (at most 5 ms per second); a jump of more than two seconds is a discontinuity, not a drift.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

SECOND = 1_000_000_000
SLOPE = 0.005
JUMP = 2 * SECOND
WINDOW = 10 * SECOND
"""Within this much of a sender's time the least delayed packet counts."""
SAME_CLOCK = JUMP
"""Two tracks whose senders' clocks differ by less are taken to have the same one (RFC 3550 6.4.1: the tracks of a
sender share it). Encoders delay the picture by some hundred milliseconds, and a clock drifts a second in hours, before
a late camera is compared; clocks that are not the same count from different origins and lie far apart."""
_NTP_FRACTION = 1 << 32


def ntp_ns(ntp: int) -> int:
    """A 64-bit NTP timestamp as nanoseconds of the sender's clock."""
    return (ntp >> 32) * SECOND + (ntp & 0xFFFFFFFF) * SECOND // _NTP_FRACTION


class Unwrap:
    """Counters of ``bits`` bits made endless; copes with reordering of less than half the range."""

    def __init__(self, bits: int) -> None:
        self._half = 1 << bits - 1
        self._mask = (1 << bits) - 1
        self._last: int | None = None

    def __call__(self, value: int) -> int:
        if self._last is None:
            self._last = value
            return value
        delta = (value - self._last + self._half & self._mask) - self._half
        found = self._last + delta
        if delta > 0:
            self._last = found
        return found

    def peek(self, value: int) -> int | None:
        """The same without moving on; ``None`` before the first value."""
        if self._last is None:
            return None
        return self._last + (value - self._last + self._half & self._mask) - self._half


class SlowOffset:
    """An offset as a function of time, from noisy samples."""

    def __init__(self, samples: Iterable[tuple[int, int]], spread: int) -> None:
        """``samples``: (time, offset) in nanoseconds; each is averaged with its neighbours within ``spread``."""
        self._times: list[int] = []
        self._offsets: list[int] = []
        for section in _sections(sorted(samples)):
            self._follow(section, spread)

    def __bool__(self) -> bool:
        return bool(self._times)

    def at(self, time: int) -> int:
        """The offset at ``time``; constant before the first sample and after the last."""
        times, offsets = self._times, self._offsets
        after = bisect_right(times, time)
        if after == 0:
            return offsets[0]
        if after == len(times) or abs(offsets[after] - offsets[after - 1]) > JUMP:
            return offsets[after - 1]
        span = times[after] - times[after - 1]
        return offsets[after - 1] + (offsets[after] - offsets[after - 1]) * (time - times[after - 1]) // span

    def _follow(self, section: Sequence[tuple[int, int]], spread: int) -> None:
        times = [time for time, _ in section]
        sums = [0]
        for _, offset in section:
            sums.append(sums[-1] + offset)
        first = 0
        current: int | None = None
        for index, time in enumerate(times):
            while times[first] < time - spread:
                first += 1
            reach = min(index - first, len(times) - 1 - index, bisect_right(times, time + spread) - 1 - index)
            low, high = index - reach, index + reach + 1
            target = (sums[high] - sums[low]) // (high - low)
            if current is None:
                current = target
            else:
                step = round(SLOPE * (time - times[index - 1]))
                current += max(-step, min(step, target - current))
            if self._times and time <= self._times[-1]:
                continue
            self._times.append(time)
            self._offsets.append(current)


def _sections(samples: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Split where the offset jumps."""
    found: list[list[tuple[int, int]]] = []
    for sample in samples:
        if not found or abs(sample[1] - found[-1][-1][1]) > JUMP:
            found.append([])
        found[-1].append(sample)
    return found


class TrackClock:
    """What one track tells of its sender's clock; filled packet by packet, then asked."""

    def __init__(self, clock_rate: int) -> None:
        self._rate = clock_rate
        self._unwrap = Unwrap(32)
        self._least: dict[int, tuple[int, int]] = {}
        """Per window of RTP time: least (arrival − RTP time), and that RTP time."""
        self._reports: list[tuple[int, int]] = []
        self._waiting: list[tuple[int, int]] = []

    def to_ns(self, unwrapped: int) -> int:
        return unwrapped * SECOND // self._rate

    def packet(self, rtp: int, arrival_ns: int) -> None:
        time = self.to_ns(self._unwrap(rtp))
        delay = arrival_ns - time
        window = time // WINDOW
        if window not in self._least or delay < self._least[window][0]:
            self._least[window] = (delay, time)

    def report(self, ntp: int, rtp: int) -> None:
        """A sender report. One before the first packet waits until its timestamp can be placed."""
        if ntp >> 32:
            self._waiting.append((ntp_ns(ntp), rtp))
        still = []
        for instant, stamp in self._waiting:
            unwrapped = self._unwrap.peek(stamp)
            if unwrapped is None:
                still.append((instant, stamp))
            else:
                time = self.to_ns(unwrapped)
                self._reports.append((time, instant - time))
        self._waiting = still

    def sender(self) -> SlowOffset:
        """RTP time → what to add for the sender's clock; empty without reports."""
        return SlowOffset(self._reports, 15 * SECOND)

    def delays(self) -> list[tuple[int, int]]:
        """(RTP time, arrival − RTP time) of the least delayed packet of each window."""
        return [(time, delay) for delay, time in self._least.values()]


class PublicationClock:
    """Maps the tracks of one publication onto media time; those that share a sender's clock share its relation to
    the server's, so that lips fit words."""

    def __init__(self, tracks: Sequence[TrackClock]) -> None:
        self._senders = {id(track): track.sender() for track in tracks}
        self._servers: dict[int, SlowOffset] = {}
        clocks: list[tuple[int, list[TrackClock]]] = []
        for track in tracks:
            if self._senders[id(track)]:
                self._join(clocks, track)
        for _, members in clocks:
            server = self._server(members)
            self._servers.update({id(track): server for track in members})
        self._alone = {id(track): SlowOffset(track.delays(), 3 * WINDOW) for track in tracks}

    def media_ns(self, track: TrackClock, unwrapped: int) -> int:
        """Media time of an unwrapped RTP timestamp."""
        time = track.to_ns(unwrapped)
        server = self._servers.get(id(track))
        if server is None:
            alone = self._alone[id(track)]
            return time + (alone.at(time) if alone else 0)
        instant = time + self._senders[id(track)].at(time)
        return instant + server.at(instant)

    def _join(self, clocks: list[tuple[int, list[TrackClock]]], track: TrackClock) -> None:
        """Put a track with those whose reports speak of the same clock: arrival minus its time is about the same."""
        offset = min((offset for _, offset in self._samples(track)), default=0)
        for found, members in clocks:
            if abs(found - offset) < SAME_CLOCK:
                members.append(track)
                return
        clocks.append((offset, [track]))

    def _samples(self, track: TrackClock) -> Iterator[tuple[int, int]]:
        """(sender's instant, arrival − instant) of the least delayed packet of each window."""
        sender = self._senders[id(track)]
        for time, delay in track.delays():
            instant = time + sender.at(time)
            yield instant, time + delay - instant

    def _server(self, members: Sequence[TrackClock]) -> SlowOffset:
        windows: dict[int, tuple[int, int]] = {}
        for track in members:
            for instant, offset in self._samples(track):
                window = instant // WINDOW
                windows[window] = min((offset, instant), windows.get(window, (offset, instant)))
        return SlowOffset(((instant, offset) for offset, instant in windows.values()), 3 * WINDOW)
