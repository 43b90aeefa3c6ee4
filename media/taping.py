"""The recorder of one session: armed, written to, failed, closed. The relay's side of "no recording, no session"."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from media.commands import Durable, Event, Gap, Head, Log, RecorderFailed, RecorderReady
from media.ports import ChainHead, Closing, Recorder, Recorders, RecorderUnavailable, RecordingSpec, Sink, Track

log = structlog.get_logger()

HEAD_MS = 60_000
"""How often the head of a chain goes to the ledger."""
MAX_PENDING = 10_000
"""Log entries kept while no recorder is armed; beyond it the oldest are dropped (their sender keeps them all)."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the session does when its recorder changes."""

    emit: Callable[[Event], None]
    ready: Callable[[], None]
    broke: Callable[[Sink | None], None]


class Taping:
    """Holds at most one recorder at a time; ``broken`` from a failure until the next successful ``arm``."""

    def __init__(self, session: str, hooks: Hooks) -> None:
        self.session = session
        self.broken = False
        self.arming = False
        self.spec: RecordingSpec | None = None
        self.durable_at: datetime | None = None
        """Up to when everything received is on disk."""
        self._hooks = hooks
        self._recorder: Recorder | None = None
        self._newest: ChainHead | None = None
        self._told: tuple[int, int] | None = None
        """Take and minute of the head told last."""
        self._pending: dict[int, Log] = {}

    @property
    def armed(self) -> bool:
        return self._recorder is not None and not self.broken

    @property
    def sink(self) -> Sink | None:
        """What takes media now: the recorder of a ``clear`` recording, else nothing."""
        if not self.armed or self.spec is None or self.spec.policy != "clear":
            return None
        return self._recorder

    async def arm(self, recorders: Recorders, spec: RecordingSpec) -> None:
        """Get a recorder ready; emits ``RecorderReady`` or ``RecorderFailed``. Armed already: says so again."""
        if self.armed:
            self.announce()
            return
        if self.arming:
            return
        self.arming, self.spec = True, spec
        try:
            recorder = await recorders.arm(
                spec, durable=self._durable, failed=self.failed, gap=self._gap, head=self._head
            )
        except RecorderUnavailable as error:
            self.failed(error.code)
        except Exception:
            log.exception("arming a recorder failed", session=self.session)
            self.failed("internal")
        else:
            self._recorder, self.broken = recorder, False
            self._flush()
            self._hooks.ready()
            self.announce()
        finally:
            self.arming = False

    def announce(self) -> None:
        """Tell the web process where the chain stands."""
        if self._recorder is None or self.spec is None or self.broken:
            return
        self._hooks.emit(
            RecorderReady(
                session=self.session,
                recording=self.spec.recording,
                take=self._recorder.take,
                last_entry=self._recorder.last_entry,
            )
        )

    def failed(self, code: str) -> None:
        """The recorder can no longer keep what it is given, or could not be armed."""
        already, recorder = self.broken and self._recorder is None, self._recorder
        self.broken, self._recorder = True, None
        self._hooks.broke(recorder)
        if not already or self.arming:
            recording = self.spec.recording if self.spec else ""
            self._hooks.emit(RecorderFailed(session=self.session, recording=recording, code=code))

    def log(self, entry: Log) -> None:
        """Write an entry into the chain, or keep it until there is one."""
        if self._recorder is not None and not self.broken:
            self._write(self._recorder, entry)
            return
        self._pending[entry.number] = entry
        while len(self._pending) > MAX_PENDING:
            del self._pending[min(self._pending)]

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        for number in sorted(pending):
            assert self._recorder is not None
            self._write(self._recorder, pending[number])

    def _write(self, recorder: Recorder, entry: Log) -> None:
        recorder.log(entry.number, entry.at, entry.public, entry.private)

    def _durable(self, until: datetime, media_ms: int) -> None:
        self.durable_at = until
        recording = self.spec.recording if self.spec else ""
        take, digest = (self._newest.take, self._newest.digest) if self._newest else (0, "")
        self._hooks.emit(
            Durable(
                session=self.session, recording=recording, until=until, media_ms=media_ms, take=take, digest=digest
            )
        )  # fmt: skip

    def _head(self, head: ChainHead) -> None:
        """Remember the head of each second; tell that of the first of a take, and one a minute after it."""
        self._newest = head
        minute = (head.take, head.media_ms // HEAD_MS)
        if minute == self._told:
            return
        self._told = minute
        recording = self.spec.recording if self.spec else ""
        self._hooks.emit(
            Head(
                session=self.session, recording=recording, take=head.take, media_ms=head.media_ms, digest=head.digest
            )
        )  # fmt: skip

    def _gap(self, track: Track, from_ms: int, to_ms: int, cause: str) -> None:
        recording = self.spec.recording if self.spec else ""
        self._hooks.emit(
            Gap(
                session=self.session, recording=recording, endpoint=track.endpoint,
                from_ms=from_ms, to_ms=to_ms, cause=cause,
            )
        )  # fmt: skip

    async def suspend(self) -> None:
        """End the take, so that the session can be taken up again; what cannot be written is stated then."""
        recorder, self._recorder = self._recorder, None
        if recorder is None or self.broken:
            return
        try:
            await recorder.suspend()
        except Exception:
            log.exception("suspending a recording failed", session=self.session)

    async def close(self, reason: str) -> Closing | None:
        """End the chain; None when there is none to end, or it could not be ended."""
        recorder, self._recorder = self._recorder, None
        if recorder is None or self.broken:
            return None
        try:
            return await recorder.close(reason)
        except Exception:
            log.exception("closing a recording failed", session=self.session)
            return None


def describe(closing: Closing | None) -> dict[str, Any]:
    """The figures of a ``Closed`` event."""
    if closing is None:
        return {"digest": None, "frames": 0, "duration_ms": 0, "gaps": 0}
    return {
        "digest": closing.digest, "frames": closing.frames, "duration_ms": closing.duration_ms, "gaps": closing.gaps,
    }  # fmt: skip
