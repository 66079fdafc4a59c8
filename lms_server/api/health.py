"""Is it alive, and how busy."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from lms_server.api.gate import Gate, address_of
from lms_server.catalog import Catalog
from lms_server.errors import Forbidden
from lms_server.store import Store

BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
"""Seconds."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LOOPBACK = frozenset({"127.0.0.1", "::1"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via")


class Health(BaseModel):
    """free_bytes: room left for lessons; null where nobody can say. worker_seconds: since a worker gave its last sign
    of life, which it does every half a minute; null when none ever did."""

    status: str
    version: str
    free_bytes: int | None
    worker_seconds: float | None


class Metrics(Collector):
    """Counts of this process, and figures read from the catalogue when somebody asks."""

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog = catalog
        self._store = store
        self.registry = CollectorRegistry()
        self._files = Counter("darsbox_stored_files", "Files stored and receipted", registry=self.registry)
        self._bytes = Counter("darsbox_stored_bytes", "Bytes stored and receipted", registry=self.registry)
        self._answers = Counter(
            "darsbox_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "darsbox_request_seconds",
            "From a request's beginning to the end of its answer",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.registry.register(self)

    def stored(self, size: int) -> None:
        self._files.inc()
        self._bytes.inc(size)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        method = method if method in METHODS else "other"
        self._answers.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def collect(self) -> Iterator[Metric]:
        figures = self._catalog.operations.figures()
        yield _by("darsbox_lessons", "Lessons by state: assembling waits for a worker", "state", figures.lessons)
        yield _by("darsbox_uploads", "Uploads by state", "state", figures.uploads)
        yield _by("darsbox_rooms", "Rooms: heard of late, silent, or shut out", "contact", figures.rooms)
        yield _by("darsbox_alarms", "Alarms of rooms that last", "kind", figures.alarms)
        if figures.worker is not None:
            yield GaugeMetricFamily(
                "darsbox_worker_seconds", "Since a worker's last sign of life", value=figures.worker
            )
        free = self._store.free_bytes()
        if free is not None:
            yield GaugeMetricFamily("darsbox_store_free_bytes", "Room left in the store", value=free)


def router(catalog: Catalog, gate: Gate, store: Store, metrics: Metrics, version: str) -> APIRouter:
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", summary="200 when the database and the store answer")
    def healthz() -> Health:
        worker = catalog.operations.worker()
        store.check()
        return Health(status="ok", version=version, free_bytes=store.free_bytes(), worker_seconds=worker)

    @routes.get("/metrics", summary="For Prometheus, from this machine or with a token", response_class=Response)
    def prometheus(request: Request) -> Response:
        if not _from_here(request):
            person = gate.require(request, "admin", "it", "service", scope="metrics:read")
            if person.institution_id is not None:
                raise Forbidden(
                    "not-allowed", "These figures are of the whole server; they take somebody of no institution."
                )
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _by(name: str, what: str, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _from_here(request: Request) -> bool:
    """From this machine itself, and through no proxy on it."""
    return address_of(request) in LOOPBACK and not any(name in request.headers for name in FORWARDED)
