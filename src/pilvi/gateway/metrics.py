"""GET /metrics: what Prometheus reads. Gathered when asked; nothing is counted twice for it."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest

from pilvi.gateway.access_log import BUCKETS_S, AccessLog
from pilvi.kit.cloud import Cloud


def exposition(cloud: Cloud, access_log: AccessLog, gauges: dict[str, float]) -> bytes:
    """The text format. `gauges`: further values by name (of dispatch and compute), already in base units."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(cloud, access_log, gauges))  # pyright: ignore[reportArgumentType]
    return generate_latest(registry)


class _Snapshot:
    def __init__(self, cloud: Cloud, access_log: AccessLog, gauges: dict[str, float]) -> None:
        self._cloud = cloud
        self._access_log = access_log
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "pilvi_requests", "Requests answered.", labels=("service", "operation", "status")
        )
        for (service, operation, status), count in self._access_log.requests.items():
            requests.add_metric((service, operation, str(status)), count)
        yield requests
        yield self._seconds()
        statistics = self._cloud.store.statistics()
        yield CounterMetricFamily(
            "pilvi_store_commits", "Commits of the store.", value=statistics.commits
        )
        yield CounterMetricFamily(
            "pilvi_store_transactions", "Transactions committed.", value=statistics.transactions
        )
        yield GaugeMetricFamily(
            "pilvi_store_size_bytes", "Size of the store.", value=statistics.size_bytes
        )
        yield GaugeMetricFamily(
            "pilvi_store_log_bytes", "Size of its write-ahead log.", value=statistics.log_bytes
        )
        for name, value in sorted(self._gauges.items()):
            yield GaugeMetricFamily(f"pilvi_{name}", name.replace("_", " ") + ".", value=value)

    def _seconds(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily(
            "pilvi_request_duration_seconds", "Time to answer.", labels=("service",)
        )
        for service, histogram in self._access_log.seconds.items():
            total = 0.0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*BUCKETS_S, float("inf")), histogram, strict=False):
                total += count
                buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
            family.add_metric((service,), buckets, histogram[-1])
        return family
