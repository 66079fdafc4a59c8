"""The panel's page as it is sent: with the room's status, the words of one language and the scripts' addresses in it.

A page that had to ask for each of these would go back and forth five times before it shows anything. So the daemon puts
them in, and what is sent stays what lies in ``static/``: the template ``index.html``, its style sheets as one, its
script as one with all that it imports, and at the end of its ``<head>``

- an import map, which gives each script that is fetched later the address of just this version of it, so that browsers
  may keep it for ever, and what these import the address of the one in which it came;
- ``<script type="application/json">`` with the status and with the sentences: data, never run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kiosk_ui.joining import joined

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'{inline}; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""Content-Security-Policy; inline: the hash of the one inline script there is, the import map."""
COOKIE = "darsbox-panel-language"
FALLBACK = "en"
STYLES = "styles.css"
"""The template's style sheets, one after the other: eight journeys fewer."""
ENTRY = "main.js"
SCRIPT = "js/panel-and-all.js"
"""The template's script, and what it imports (see ``joining``): thirty journeys fewer."""
LATER_WORDS = "setup."
"""Sentences that hardly any page needs: those of the scripts that set a room up, which are fetched when they are."""
_SHEET = re.compile(r' *<link rel="stylesheet" href="([\w.-]+)" />\n')
_UPWARDS = re.compile(r'^import [^;]*? from "\.\./([\w.-]+)";$', re.MULTILINE)
"""What a script in a folder of its own imports from those that came with the page."""
_KEEP = "public, max-age=31536000, immutable"
_ASK = "no-cache"

Told = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class File:
    """version: changes with the content."""

    body: bytes
    kind: str
    version: str


class PanelPage:
    """ASGI: the page at ``/``, and its files. Everything else is 404, as Starlette says it."""

    def __init__(self, status: Told) -> None:
        """status: the room now, as the API says it."""
        self._status = status

    @cached_property
    def files(self) -> dict[str, File]:
        """By path within ``static/``; read once, for the page must be one of a piece."""
        files = {str(path.relative_to(STATIC)): _file(path) for path in sorted(STATIC.rglob("*")) if path.is_file()}
        sheets = _SHEET.findall(files["index.html"].body.decode())
        return files | {
            STYLES: _made(b"\n".join(files[name].body for name in sheets), "text/css"),
            SCRIPT: _made(self._joined[0].encode(), "text/javascript"),
        }

    @cached_property
    def _joined(self) -> tuple[str, list[str]]:
        """The text, and the modules in it."""
        return joined({path.name: path.read_text("utf-8") for path in (STATIC / "js").glob("*.js")}, ENTRY)

    @cached_property
    def languages(self) -> list[str]:
        return [Path(name).stem for name in self.files if name.startswith("locale/")]

    @cached_property
    def _messages(self) -> dict[str, dict[str, Any]]:
        """By language, without the sentences of what is fetched later, which fetches them itself."""
        whole = {each: json.loads(self.files[f"locale/{each}.json"].body) for each in self.languages}
        return {
            each: {key: said for key, said in messages.items() if not key.startswith(LATER_WORDS)}
            for each, messages in whole.items()
        }

    @cached_property
    def _imports(self) -> str:
        come = {f"js/{name}" for name in self._joined[1]} | {SCRIPT}
        later = {name: self._address(name) for name in self.files if name.endswith(".js") and name not in come}
        wanted = {f"js/{found}" for name in later for found in _UPWARDS.findall(self.files[name].body.decode())}
        whole = self._address(SCRIPT)
        address = later | dict.fromkeys(sorted(wanted), whole)
        return json.dumps({"imports": {f"./{name}": f"./{found}" for name, found in address.items()}})

    def _address(self, name: str) -> str:
        return f"{name}?v={self.files[name].version}"

    @cached_property
    def policy(self) -> str:
        digest = base64.b64encode(hashlib.sha256(self._imports.encode()).digest()).decode()
        return POLICY.format(inline=f" 'sha256-{digest}'")

    @cached_property
    def _parts(self) -> tuple[str, str]:
        """The template before and after what each answer puts in."""
        before, *_, after = _SHEET.split(self.files["index.html"].body.decode())
        page = re.sub(
            r'(?<=(?:href|.src)=")([\w./-]+)(?=")',
            lambda found: self._address(SCRIPT if found[1] == f"js/{ENTRY}" else found[1]),
            f'{before}    <link rel="stylesheet" href="{STYLES}" />\n{after}',
        )
        head, script, tail = page.partition("    <script ")
        return f'{head}    <script type="importmap">{self._imports}</script>\n', script + tail

    def html(self, status: Mapping[str, Any], wished: str | None) -> str:
        """wished: the language that somebody chose on this panel, if it is one of ours; else it is the room's."""
        chosen = (wished, str(status["room"]["language"]).split("-")[0], FALLBACK)
        language = next(each for each in chosen if each in self.languages)
        words = {"language": language, "messages": self._messages[language]}
        before, after = self._parts
        return before + _data("status", status) + _data("words", words) + after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method not in {"GET", "HEAD"}:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})
        path = request.url.path.removeprefix("/")
        if path in {"", "index.html"}:
            page = self.html(await self._status(), request.cookies.get(COOKIE))
            headers = {"Content-Security-Policy": self.policy, "Cache-Control": "no-store"}
            answer = Response(page, headers=headers, media_type="text/html")
        else:
            answer = self._answer(path, request)
        await answer(scope, receive, send)

    def _answer(self, path: str, request: Request) -> Response:
        file = self.files.get(path)
        if file is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        kept = _KEEP if request.query_params.get("v") == file.version else _ASK
        headers = {"Cache-Control": kept, "ETag": f'"{file.version}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(file.body, headers=headers, media_type=file.kind)


def _file(path: Path) -> File:
    return _made(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def _made(body: bytes, kind: str) -> File:
    return File(body, kind, hashlib.sha256(body).hexdigest()[:16])


def _data(name: str, value: object) -> str:
    """Data for a script of the page; no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'    <script type="application/json" id="{name}">{text}</script>\n'
