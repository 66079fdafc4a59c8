"""The server put together: every part made here, by its constructor, in the order in which data flows."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib.metadata import version

import anyio
import structlog
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request

from lms_server import keys
from lms_server.api import (
    audit,
    channel,
    courses,
    desk,
    editing,
    health,
    lessons,
    oai,
    people,
    podcasts,
    problems,
    retention,
    rooms,
    tokens,
)
from lms_server.api.clerk import Clerk
from lms_server.api.gate import Gate
from lms_server.api.measures import Measures
from lms_server.api.shields import Shields
from lms_server.api.updates import Updates
from lms_server.bodies import LargeBodies
from lms_server.captions import Captions
from lms_server.capture.agents import AgentRoutes
from lms_server.capture.delivery import Delivery
from lms_server.capture.forms import Forms
from lms_server.capture.login import Logins, Stranger
from lms_server.capture.packages import PackageRoutes
from lms_server.catalog import Catalog, finding
from lms_server.catalog.agents import Agents
from lms_server.catalog.alarms import Alarms
from lms_server.catalog.begun import Begun
from lms_server.catalog.captioning import Captioning
from lms_server.catalog.database import Database
from lms_server.catalog.deleting import Deleting
from lms_server.catalog.graves import Graves
from lms_server.catalog.harvest import Harvest
from lms_server.catalog.jobs import Jobs
from lms_server.catalog.migrate import migrate
from lms_server.catalog.operations import ALIVE, ALIVE_EVERY
from lms_server.catalog.packages import Packages
from lms_server.catalog.rendering import Rendering
from lms_server.catalog.uploads import Uploads
from lms_server.catalog.visits import Visits
from lms_server.catalog.webhooks import Webhooks
from lms_server.errors import ServerError, StartError
from lms_server.ingest import enrolment
from lms_server.ingest.callers import Callers
from lms_server.ingest.ingest import Ingest
from lms_server.ingest.tus import Tus
from lms_server.places import open_places
from lms_server.portal.other_login import OtherLogin
from lms_server.portal.pages import portal_router
from lms_server.portal.slides import slides_in
from lms_server.settings import Settings
from lms_server.sso import read as read_sso
from lms_server.store import Store
from lms_server.worker.alarming import telling
from lms_server.worker.captioning import Captioner
from lms_server.worker.chores import Chore, Chores
from lms_server.worker.telling import telling as webhook_telling
from lms_server.worker.worker import Worker
from lms_sync import wire

SESSION_SECONDS = 12 * 3600
SWEEP_SECONDS = 600.0
COLLECT_AFTER = (2_000, 10, 1_000)
"""Python's garbage, generation by generation: ten thousand rooms that wait are a million objects, and whoever comes
while all of them are looked through waits for a second. So that is done once in many minutes, and never for what was
loaded at the start."""
SWITCH_SECONDS = 0.0005
"""After which a thread that computes hands over. SQLite's driver gives way at every row, and at Python's own 5 ms a
hundred rows take half a second beside a busy event loop."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    app: FastAPI
    ingest: Ingest
    delivery: Delivery
    database: Database
    bell: channel.Bell
    visits: Visits

    def close(self) -> None:
        self.visits.close()
        self.database.close()


class _Web(uvicorn.Server):
    """Sends those home who wait for a command before the server waits for them."""

    def __init__(self, config: uvicorn.Config, bell: channel.Bell) -> None:
        super().__init__(config)
        self._bell = bell

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._bell.close()
        await super().shutdown(sockets)


def build(settings: Settings, clock: Callable[[], float] = time.time) -> Server:
    """The application over a migrated database. Raises StartError."""
    database = Database(settings.database)
    catalog = Catalog.over(database, clock)
    uploads = Uploads(database, clock, settings.upload_seconds, settings.new_lessons)
    places = open_places(settings, Graves(database, clock).spare)
    store = places.store
    captions = Captions(catalog.editing, store, settings.uploads)
    key = keys.server_key(settings.keys)
    metrics = health.Metrics(catalog, store)
    gate = Gate(catalog)
    ingest = Ingest(
        settings=settings,
        uploads=uploads,
        parts=places.parts(uploads, clock),
        store=store,
        key=key,
        clock=clock,
        on_stored=metrics.stored,
    )

    def address(request: Request) -> str:
        return settings.public_url or str(request.base_url).rstrip("/")

    callers = Callers(catalog.rooms, catalog.tokens, clock)
    bell = channel.Bell(catalog.desks)
    tus = Tus(
        settings=settings,
        callers=callers,
        rooms=catalog.rooms,
        uploads=uploads,
        ingest=ingest,
        store=store,
        address=address,
    )
    agents, packages, forms = Agents(database, clock), Packages(database, clock), Forms(settings)
    secret = keys.session_secret(settings.keys)
    logins = Logins(agents, secret, clock)
    delivery = Delivery(forms, packages, ingest, clock, settings.upload_seconds)
    agent_routes = AgentRoutes(logins=logins, agents=agents, forms=forms, address=address, clock=clock)
    package_routes = PackageRoutes(
        settings=settings,
        logins=logins,
        forms=forms,
        packages=packages,
        delivery=delivery,
        facts=agent_routes.facts,
    )
    app = FastAPI(title="Darsbox server", version=version("darsbox"), docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_exception_handler(Stranger, logins.refusal)
    sealing_key = keys.sealing_key(settings.keys)
    app.include_router(enrolment.router(catalog.rooms, key, sealing_key, address, clock))
    app.include_router(tus.router())
    app.include_router(desk.router(catalog.desks, callers))
    app.include_router(agent_routes.router())
    app.include_router(package_routes.router())
    app.include_router(lessons.router(catalog, gate, store))
    app.include_router(editing.router(catalog, gate, captions))
    app.include_router(courses.router(catalog, gate))
    app.include_router(podcasts.router(catalog, gate, address))
    if settings.oai_email:
        app.include_router(oai.router(Harvest(database, clock), settings.oai_email, address))
    app.include_router(rooms.router(catalog, gate))
    app.include_router(people.router(catalog, gate))
    app.include_router(tokens.router(catalog, gate))
    app.include_router(audit.router(catalog, gate))
    app.include_router(retention.router(catalog, gate))
    app.mount("/updates", Updates(settings.updates), name="updates")
    app.include_router(health.router(catalog, gate, store, metrics, app.version))
    other = OtherLogin(read_sso(settings.sso), catalog.people, gate, Begun(database, clock)) if settings.sso else None
    app.include_router(
        portal_router(
            catalog,
            gate,
            captions,
            other=other,
            address=address,
            fingerprint=wire.thumbprint(key),
            slides=slides_in(store),
            clock=clock,
        )
    )
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret,
        session_cookie="darsbox_server",
        max_age=SESSION_SECONDS,
        same_site="lax",
        https_only=settings.public_url.startswith("https://"),
    )
    app.add_middleware(channel.Channel, clerk=Clerk(catalog.desks, callers), bell=bell)
    app.add_middleware(Shields, public_url=settings.public_url, clock=clock)
    app.add_middleware(Measures, metrics=metrics)
    return Server(app, ingest, delivery, database, bell, catalog.visits)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises StartError for what the person at the keyboard can mend."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with _listen(settings.host, settings.port) as listener:
        prepare(settings)
        server = build(settings)
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        config = uvicorn.Config(
            server.app,
            http=LargeBodies,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,
        )
        host, port = listener.getsockname()[:2]
        # uvicorn hands the signal that ended it on to whoever came before; an orderly end is no failure.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        try:
            # Not on uvloop, which has no sendfile: whoever fetches a recording would wait for it (see bodies).
            anyio.run(_serve, _Web(config, server.bell), server, listener, _url(host, port))
        finally:
            server.close()


async def _serve(web: uvicorn.Server, server: Server, listener: socket.socket, url: str) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_take_care, server.ingest, server.delivery)
        tasks.start_soon(server.bell.rung)
        log.info("serving", url=url)
        print(f"Darsbox server on {url}", flush=True)  # noqa: T201  the one line a person waits for
        await web.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


async def _take_care(ingest: Ingest, delivery: Delivery) -> None:
    """Finish what was left and sweep, now and again: another process may have died for good. A full or locked disk, and
    a database or a store that does not answer, are waited out; anything else ends the process, and the unit starts it
    afresh."""
    delivered = False
    while True:
        try:
            await run_in_threadpool(ingest.recover)
            if not delivered:
                await delivery.recover()
                delivered = True
            await ingest.sweep()
            await delivery.sweep()
        except (OSError, ServerError, OperationalError) as error:
            log.error("cleaning put off", problem=str(error))
        await anyio.sleep(SWEEP_SECONDS)


def work(settings: Settings) -> None:
    """The worker, until SIGTERM or SIGINT. Raises StartError."""
    prepare(settings)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    database = Database(settings.database)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    graves = Graves(database, time.time)
    jobs, store = Jobs(database, time.time), open_places(settings, graves.spare).store
    assembler = Worker(jobs, store, settings.work, owner)
    filmer = Worker(jobs, store, settings.work, f"{owner}:film", "film")
    due = chores_of(database, store, time.time, private_webhooks=settings.private_webhooks)
    chores = Chores(database, time.time, due)
    renderer = Worker(Rendering(database, time.time), store, settings.work, f"{owner}:small", "small")
    beside_it: list[Worker | Chores | Captioner] = [filmer, renderer, chores]
    if settings.captions:
        beside_it.append(_captioner(settings, database, store, f"{owner}:captions"))
    log.info("working", owner=owner)
    with ThreadPoolExecutor(len(beside_it)) as beside:
        others = [beside.submit(each.run, stop) for each in beside_it]
        for other in others:
            other.add_done_callback(lambda _: stop.set())  # none goes on without the others
        try:
            assembler.run(stop)
        finally:
            stop.set()
            wait(others)
            database.close()
        for other in others:
            other.result()


def _captioner(settings: Settings, database: Database, store: Store, owner: str) -> Captioner:
    """Raises StartError."""
    if shutil.which(settings.captions[0]) is None:
        raise StartError(f"There is no program {settings.captions[0]}; correct --captions, or leave it out.")
    captions = Captions(Catalog.over(database, time.time).editing, store, settings.uploads)
    return Captioner(
        Captioning(database, time.time),
        captions,
        store,
        command=settings.captions,
        owner=owner,
        folder=settings.work / "captions",
    )


def chores_of(
    database: Database, store: Store, clock: Callable[[], float], *, private_webhooks: bool = False
) -> list[Chore]:
    """What the workers see to now and again, each one by one of them."""
    deleting, graves = Deleting(database, clock), Graves(database, clock)
    return [
        Chore(ALIVE, ALIVE_EVERY, lambda: None),
        Chore("alarms", 30.0, telling(Alarms(database, clock))),
        Chore("expire", 900.0, deleting.expire),
        Chore("bury", 300.0, deleting.bury),
        Chore("empty graves", 300.0, lambda: graves.empty(store)),
        Chore("tidy the index", 86400.0, lambda: finding.tidy(database)),
        Chore("webhooks", 5.0, webhook_telling(Webhooks(database, clock), clock, private=private_webhooks)),
    ]


def prepare(settings: Settings) -> bool:
    """The data folder and the database in this program's form. True when the database changed. Raises StartError."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        return migrate(settings.database)
    except OSError as error:
        raise StartError(
            f"The data folder {settings.data} cannot be used ({error.strerror}); choose another by --data."
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, for asyncio turns Nagle's algorithm, which costs 40 ms an answer, off only where it is known to be TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise StartError(
            f"The server cannot listen on {_url(host, port)} ({error}); choose another by --port."
        ) from error
    return listener


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
