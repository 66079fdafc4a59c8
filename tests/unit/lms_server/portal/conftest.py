"""The portal as an application, and a browser without JavaScript."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware

from lms_server.api.gate import Gate
from lms_server.captions import Captions
from lms_server.catalog.database import Database
from lms_server.catalog.migrate import migrate
from lms_server.portal.pages import portal_router
from lms_server.store.folder import FolderStore
from tests.unit.lms_server.portal.visiting import NOW, furnish


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    file = tmp_path_factory.mktemp("portal") / "darsbox.sqlite"
    migrate(file)
    database = Database(file)
    catalog = furnish(database)
    app = FastAPI()
    store = FolderStore(file.parent / "store")
    captions = Captions(catalog.editing, store, file.parent / "uploads")
    app.include_router(portal_router(catalog, Gate(catalog), captions, zone=UTC, clock=lambda: NOW))
    app.add_middleware(SessionMiddleware, secret_key="secret", same_site="lax")
    app.state.kept = {}
    app.state.database = database
    yield app
    database.close()


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Keeps cookies, follows nothing by itself."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box.test") as browser:
        yield browser
