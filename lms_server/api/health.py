"""Is it alive, and how busy."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel
from starlette.responses import Response

from lms_server.catalog import Catalog
from lms_server.store import Store


class Health(BaseModel):
    """free_bytes: room left for lessons; null where nobody can say."""

    status: str
    version: str
    free_bytes: int | None


class Metrics(Collector):
    """Counts of this process, and figures read from the catalogue when somebody asks."""

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog = catalog
        self._store = store
        self.registry = CollectorRegistry()
        self._files = Counter("darsbox_stored_files", "Files stored and receipted", registry=self.registry)
        self._bytes = Counter("darsbox_stored_bytes", "Bytes stored and receipted", registry=self.registry)
        self.registry.register(self)

    def stored(self, size: int) -> None:
        self._files.inc()
        self._bytes.inc(size)

    def collect(self) -> Iterator[Metric]:
        lessons = GaugeMetricFamily("darsbox_lessons", "Lessons by state", labels=["state"])
        for state, count in sorted(self._catalog.lessons.tally().items()):
            lessons.add_metric([state], count)
        yield lessons
        free = self._store.free_bytes()
        if free is not None:
            yield GaugeMetricFamily("darsbox_store_free_bytes", "Room left in the store", value=free)


def router(catalog: Catalog, store: Store, metrics: Metrics, version: str) -> APIRouter:
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", summary="200 when the database and the store answer")
    def healthz() -> Health:
        catalog.lessons.tally()
        store.check()
        return Health(status="ok", version=version, free_bytes=store.free_bytes())

    @routes.get("/metrics", summary="For Prometheus", response_class=Response)
    def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
