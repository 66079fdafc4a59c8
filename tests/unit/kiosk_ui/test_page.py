"""The panel comes with everything in it, and what comes with it can neither run nor grow old."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from kiosk_ui.page import COOKIE, STATIC, PanelPage

HOSTILE = "</script><script>alert(1)</script>"


async def status() -> Mapping[str, Any]:
    return {"room": {"name": HOSTILE, "language": "ar-EG"}, "state": "ready"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount("/", PanelPage(status))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://room") as client:
        yield client


def given(page: str, name: str) -> Any:
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.anyio
async def test_the_page_has_the_status_and_the_words_of_the_room_in_it(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert given(page, "status") == await status()
    assert given(page, "words")["language"] == "ar"
    assert given(page, "words")["messages"]["start"] == "ابدأ"


@pytest.mark.anyio
@pytest.mark.parametrize(("wished", "spoken"), [("ur", "ur"), ("../../etc", "ar"), ("", "ar")])
async def test_the_page_speaks_what_was_chosen_on_this_panel(
    client: httpx.AsyncClient, wished: str, spoken: str
) -> None:
    page = (await client.get("/", headers={"Cookie": f"{COOKIE}={wished}"})).text
    assert given(page, "words")["language"] == spoken


@pytest.mark.anyio
async def test_a_title_cannot_become_a_script(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert "alert(1)</script>" not in answer.text
    inline = re.findall(r'<script type="importmap">(.*?)</script>', answer.text)
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.anyio
async def test_every_address_in_the_page_leads_to_a_file_that_browsers_may_keep(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text
    imports = json.loads(re.findall(r'<script type="importmap">(.*?)</script>', page)[0])["imports"]
    addresses = {*re.findall(r'(?:href|src)="([^"]+)"', page), *imports.values()}
    assert len(imports) > 10
    for address in addresses:
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"], address


@pytest.mark.anyio
async def test_the_style_sheets_come_as_one_in_the_order_of_the_template(client: httpx.AsyncClient) -> None:
    written = re.findall(r'rel="stylesheet" href="([\w.-]+)"', (STATIC / "index.html").read_text())
    assert len(written) > 5
    (sheet,) = re.findall(r'rel="stylesheet" href="([^"]+)"', (await client.get("/")).text)
    answer = await client.get(sheet)
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.text == "\n".join((STATIC / name).read_text() for name in written)


@pytest.mark.anyio
async def test_a_file_asked_for_by_an_old_address_is_asked_for_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/js/main.js?v=0123456789abcdef")
    assert answer.headers["cache-control"] == "no-cache"
    again = await client.get("/js/main.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get("/../page.py")).status_code == 404
    assert (await client.post("/")).status_code == 405
