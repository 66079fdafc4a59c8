"""A Darsbox server in memory behind httpx's transport: checks proofs and offsets like ours, and misbehaves on order."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from joserfc.jwk import OKPKey

from lms_sync import wire


@dataclass
class Upload:
    asset: wire.Asset
    data: bytearray = field(default_factory=bytearray)
    grows: bool = False


Reply = httpx.Response | Exception | None


@dataclass
class FakeServer:
    """clock: its Unix time. hook: sees each request first, and may answer it (a Response), break it (an Exception) or
    leave it (None). after: sees a request and the answer, and may replace it."""

    room_key: OKPKey
    now: float = 1_800_000_000.0
    key: OKPKey = field(default_factory=wire.new_key)
    hook: Callable[[httpx.Request], Reply] = lambda request: None
    after: Callable[[httpx.Request, httpx.Response], httpx.Response] = lambda request, response: response
    uploads: dict[str, Upload] = field(default_factory=dict)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path, bytes of the body."""
    verifying: int = 0
    """Times the receipt is still being worked at."""
    crawls: int = 0
    """PATCHes of which only half arrives, and then nothing more, the connection standing."""
    proves: bool = False
    """Holds pieces against what arrives, and says so, as our own server."""

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    @property
    def received(self) -> int:
        """Bytes of all PATCH bodies."""
        return sum(size for method, _, size in self.requests if method == "PATCH")

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        path = request.url.raw_path.decode()
        self.requests.append((request.method, path, len(body)))
        if request.method == "PATCH" and self.crawls:
            self.crawls -= 1
            self.uploads[path].data += body[: len(body) // 2]
            await asyncio.Event().wait()
        found = self.hook(request)
        if isinstance(found, Exception):
            raise found
        if found is None:
            found = self._refuse(request, path, body) or self._serve(request, path, body)
        found = self.after(request, found)
        if found.is_stream_consumed:  # as it comes from a network: not read yet
            return httpx.Response(found.status_code, headers=found.headers, stream=httpx.ByteStream(found.content))
        return found

    def problem(self, status: int, code: str, **headers: str) -> httpx.Response:
        return httpx.Response(
            status,
            headers={"Content-Type": "application/problem+json", wire.TIME_HEADER: f"{self.now}", **headers},
            content=json.dumps({"code": code, "detail": f"It is {code}."}).encode(),
        )

    def _refuse(self, request: httpx.Request, path: str, body: bytes) -> httpx.Response | None:
        try:
            wire.check_proof(
                request.headers.get("authorization", ""),
                self.room_key,
                method=request.method,
                path=path,
                body_sha256=hashlib.sha256(request.headers.get(wire.PIECES_HEADER, "").encode() or body).hexdigest(),
                now=self.now,
            )
        except wire.ClockSkew:
            return self.problem(401, "clock-skew")
        except wire.BadSignature:
            return self.problem(401, "bad-signature")
        return None

    def _serve(self, request: httpx.Request, path: str, body: bytes) -> httpx.Response:  # noqa: PLR0911 - one a method
        headers = {"Tus-Resumable": "1.0.0", wire.TIME_HEADER: f"{self.now}"}
        if self.proves:
            headers[wire.PIECES_HEADER] = wire.PIECES_HASH
        if request.method == "OPTIONS":
            return httpx.Response(204, headers=headers)
        if request.method == "POST":
            pairs = dict(item.split(" ") for item in request.headers["upload-metadata"].split(","))
            metadata = {name: base64.b64decode(value).decode() for name, value in pairs.items()}
            length = int(request.headers["upload-length"]) if "upload-length" in request.headers else None
            asset = wire.Asset.from_metadata({"sha256": wire.EMPTY_SHA256} | metadata, length or 0)
            name = f"{wire.UPLOADS}/{asset.sha256[:12]}{hashlib.sha256(asset.path.encode()).hexdigest()[:4]}"
            upload = self.uploads.setdefault(name, Upload(asset, grows=length is None))
            headers |= {"Location": f"http://inner.example:1234{name}", "Upload-Offset": str(len(upload.data))}
            return httpx.Response(201, headers=headers)
        found = self.uploads.get(path.removesuffix("/receipt"))
        if found is None:
            return self.problem(404, "no-such-upload")
        if path.endswith("/receipt"):
            return self._receipt(found)
        headers |= {"Upload-Defer-Length": "1"} if found.grows else {"Upload-Length": str(found.asset.bytes)}
        if request.method == "DELETE":
            del self.uploads[path]
            return httpx.Response(204, headers=headers)
        if request.method == "PATCH":
            if int(request.headers["upload-offset"]) != len(found.data):
                return self.problem(409, "wrong-offset")
            if not self._undamaged(request, body):
                return self.problem(460, "checksum-mismatch")
            found.data += body
            whole = len(found.data) == found.asset.bytes and not found.grows
            if whole and hashlib.sha256(found.data).hexdigest() != found.asset.sha256:
                del self.uploads[path]
                return self.problem(460, "checksum-mismatch")
        headers["Upload-Offset"] = str(len(found.data))
        return httpx.Response(204 if request.method == "PATCH" else 200, headers=headers)

    def _undamaged(self, request: httpx.Request, body: bytes) -> bool:
        if self.proves:
            return request.headers[wire.PIECES_HEADER] == wire.Pieces.of(body).header
        kind, _, digest = request.headers["upload-checksum"].partition(" ")
        return kind == "sha256" and base64.b64decode(digest) == hashlib.sha256(body).digest()

    def _receipt(self, upload: Upload) -> httpx.Response:
        if len(upload.data) < upload.asset.bytes:
            return self.problem(404, "not-complete")
        if self.verifying:
            self.verifying -= 1
            return self.problem(409, "verifying")
        token = wire.sign_receipt(self.key, server="darsbox", room="room", asset=upload.asset, now=self.now)
        return httpx.Response(200, headers={wire.TIME_HEADER: f"{self.now}"}, json={"receipt": token})
