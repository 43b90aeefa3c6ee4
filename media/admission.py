"""Whether a media process takes another session. Pure: figures in, a reason to refuse out.

New sessions are refused before live ones suffer: by how late the loop is, by packets per second, by how far some
recording is behind, and by number.
"""

from dataclasses import dataclass

from media.config import Limits


@dataclass(slots=True)
class Load:
    """How busy the process is; ``note`` is called twice a second."""

    lag_ms: float = 0.0
    """Smoothed lateness of the loop."""
    packets_per_second: float = 0.0
    disk_lag_ms: float = 0.0
    """Of the recording that is furthest behind."""
    sessions: int = 0
    refusing: bool = False
    """What the operator was told last."""

    def note(self, lag_ms: float, packets_per_second: float, disk_lag_ms: float, sessions: int) -> None:
        self.lag_ms += (lag_ms - self.lag_ms) / 8
        self.packets_per_second += (packets_per_second - self.packets_per_second) / 2
        self.disk_lag_ms = disk_lag_ms
        self.sessions = sessions

    def refusal(self, limits: Limits) -> str | None:
        """Why no new session is taken now, in words; None when one is."""
        if self.sessions >= limits.sessions:
            return f"{self.sessions} sessions are open"
        if self.lag_ms > limits.admit_loop_lag_ms:
            return f"the loop is {self.lag_ms:.0f} ms late"
        if self.packets_per_second > limits.admit_packets_per_second:
            return f"{self.packets_per_second:.0f} packets per second are forwarded"
        if self.disk_lag_ms > limits.admit_disk_lag_ms:
            return f"a recording is {self.disk_lag_ms:.0f} ms behind"
        return None

    def news(self, limits: Limits) -> str | None:
        """What the operator is told when it changes: the reason why new sessions are refused from now on, ``""`` when
        they are taken again, ``None`` while nothing changed. Nobody need have been refused for it."""
        refusal = self.refusal(limits)
        if bool(refusal) == self.refusing:
            return None
        self.refusing = bool(refusal)
        return refusal or ""
