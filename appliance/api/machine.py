"""For programs that watch the daemon: is it alive, and its figures in Prometheus' form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from appliance.api.board import VERSION
from appliance.api.room import Here
from appliance.api.views import StatusView

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

router = APIRouter()


class Alive(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok"] = "ok"
    version: str
    page_silent: float | None
    """Seconds since a page of the panel said that it lives; null while none has. What keeps the room's own screen lit
    goes by it."""


@router.get("/healthz")
async def healthz(room: Here) -> Alive:
    """The daemon answers. Whether the room is well is said by the status."""
    return Alive(version=VERSION, page_silent=room.pages.silent)


@router.get("/metrics", response_class=Response)
async def metrics(room: Here) -> Response:
    """The room's figures, and those of the daemon's process."""
    # Loaded at the first scrape: most rooms have nobody who scrapes them.
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest  # noqa: PLC0415
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4  # noqa: PLC0415

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Figures(await room.board.status()))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Figures:
    """A status as metrics."""

    def __init__(self, status: StatusView) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - see metrics

        status, lesson = self._status, self._status.lesson
        plain = {
            "recording": ("Whether bytes of a lesson reach the disk now", status.state == "recording"),
            "lesson_elapsed_seconds": ("Recorded so far of the running lesson", lesson.elapsed if lesson else 0.0),
            "lesson_gaps": ("Gaps of the running lesson so far", lesson.gaps if lesson else 0),
            "disk_free_bytes": ("Free on the spool's disk", status.disk.free_bytes),
            "disk_hours_left": ("Hours of recording the disk still takes", status.disk.hours_left),
            "lessons_waiting": ("Lessons that have not arrived whole", status.sync.lessons_waiting),
            "waiting_bytes": ("Bytes of the lessons waiting", status.sync.bytes_total),
            "waiting_sent_bytes": ("Bytes of the lessons waiting that have arrived", status.sync.bytes_sent),
            "healthy": ("Whether all is well", status.health.code == "all-well"),
        }
        for name, (help_text, value) in plain.items():
            yield GaugeMetricFamily(f"darsbox_{name}", help_text, value=float(value))
        info = GaugeMetricFamily("darsbox_room", "The room and its program", labels=["room", "version"])
        info.add_metric([status.room.name, status.version], 1)
        yield info
        states = GaugeMetricFamily("darsbox_source_recording", "Whether a source records now", labels=["source"])
        sizes = GaugeMetricFamily("darsbox_source_bytes", "Durable bytes in the running lesson", labels=["source"])
        ages = GaugeMetricFamily("darsbox_source_last_byte_seconds", "Since a source's last bytes", labels=["source"])
        for source in status.sources:
            states.add_metric([source.id], float(source.state == "recording"))
            sizes.add_metric([source.id], source.bytes)
            if source.last_byte_age is not None:
                ages.add_metric([source.id], source.last_byte_age)
        yield from (states, sizes, ages)
