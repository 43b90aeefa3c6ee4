"""What live sessions measure, as Prometheus text. Never an id as a label."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from signaling.live import Live


class Metrics:
    """Counters of this process and gauges read when asked."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._happened = Counter(
            "yuanjian_signaling_events", "What happened in live sessions.", ["what"], registry=self._registry
        )
        self._sessions = Gauge(
            "yuanjian_live_sessions", "Live sessions of this process.", ["kind", "state"], registry=self._registry
        )
        self._connections = Gauge("yuanjian_connections", "Open WebSockets.", registry=self._registry)
        self._backlog = Gauge("yuanjian_log_backlog", "Changes that wait for the database.", registry=self._registry)
        self._dropped = Gauge("yuanjian_log_dropped", "Log entries that only the chains hold.", registry=self._registry)
        self._links = Gauge("yuanjian_media_links", "Media processes connected.", registry=self._registry)

    def count(self, what: str) -> None:
        """Something happened: ``what`` is one of a few words of the code."""
        self._happened.labels(what).inc()

    def text(self, lives: Iterable[Live], links_up: int) -> str:
        """All of it as text exposition."""
        self._sessions.clear()
        connections = backlog = dropped = 0
        for live in lives:
            self._sessions.labels(live.session.kind.code, live.session.state.value).inc()
            connections += sum(place.connection is not None for place in live.places)
            backlog += live.keeper.backlog
            dropped += live.keeper.dropped
        self._connections.set(connections)
        self._backlog.set(backlog)
        self._dropped.set(dropped)
        self._links.set(links_up)
        return generate_latest(self._registry).decode()
