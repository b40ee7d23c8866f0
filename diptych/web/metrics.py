"""Prometheus metrics of the service."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Counts:
    """The metrics of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "diptych_requests", "Requests answered", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "diptych_request_seconds", "Seconds to answer", ("route",), buckets=SECONDS, registry=self.registry
        )
        self._sizes = Histogram(
            "diptych_batch_size", "Requests worked on together", ("work",), buckets=SIZES, registry=self.registry
        )
        self._waiting = Gauge("diptych_waiting", "Requests that wait", ("work",), registry=self.registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Record an answered request."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, work: str, size: int) -> None:
        """Record the size of a batch."""
        self._sizes.labels(work).observe(size)

    def text(self, waiting: Mapping[str, int]) -> bytes:
        """Return all metrics in the Prometheus text format."""
        for work, count in waiting.items():
            self._waiting.labels(work).set(count)
        return generate_latest(self.registry)
