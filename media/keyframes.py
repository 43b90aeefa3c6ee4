"""When to ask a publisher for a keyframe (RFC 4585 6.3.1). Pure: one instance per video track."""

SPACING_NS = 500_000_000
"""At most one request per track in this time."""
RECORDED_NS = 5_000_000_000
"""While recording, no longer than this without a keyframe: a seek must find one."""


class Keyframes:
    """Wants are satisfied by any keyframe; unsatisfied ones are repeated."""

    __slots__ = ("_asked_ns", "last_ns", "wanted")

    def __init__(self, now_ns: int) -> None:
        self.wanted = False
        self.last_ns = now_ns
        self._asked_ns = now_ns - SPACING_NS

    def want(self) -> None:
        self.wanted = True

    def arrived(self, now_ns: int) -> None:
        self.wanted = False
        self.last_ns = now_ns

    def due(self, now_ns: int, *, recorded: bool) -> bool:
        """Whether to send a PLI now; counts as sent when True."""
        if recorded and now_ns - self.last_ns >= RECORDED_NS:
            self.wanted = True
        if not self.wanted or now_ns - self._asked_ns < SPACING_NS:
            return False
        self._asked_ns = now_ns
        return True
