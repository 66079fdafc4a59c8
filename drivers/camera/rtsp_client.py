"""As much of an RTSP client as it takes to ask a camera what it sends: OPTIONS and DESCRIBE.

RTSP 1.0: RFC 2326; its Digest and Basic logins: RFC 2617 with MD5, and SHA-256 as in RFC 7616; SDP: RFC 4566.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_HEAD, MAX_BODY = 65_536, 262_144
AGENT = "Darsbox"
DIGESTS: Mapping[str, Callable[[bytes], hashlib._Hash]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
"""MD5 is what RFC 2326 cameras speak; it protects nobody and is not ours to choose."""
STATIC_PAYLOADS = {26: "JPEG", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}


class Unreachable(Exception):
    """Nobody there, or nobody who speaks RTSP."""


class Refused(Exception):
    """The camera answered with an error status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


async def describe(url: str, user: str, password: str) -> str:
    """The SDP of a stream; the address has no login in it. Raises Unreachable or Refused; has no time limit of its
    own."""
    parts = urlsplit(url)
    secure = parts.scheme == "rtsps"
    context = None
    if secure:
        # Cameras sign their own certificates; this asks whether one is there, and FFmpeg does not verify either.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or (322 if secure else 554), ssl=context, limit=MAX_HEAD
        )
    except OSError as error:
        raise Unreachable(str(error)) from error
    try:
        return await _Talk(reader, writer, url).describe(user, password)
    except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
        raise Unreachable(f"no RTSP spoken there: {error}") from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def video_codecs(sdp: str) -> list[str]:
    """Names of the video encodings a description offers, in its order, e.g. ``["H264"]``."""
    codecs: list[str] = []
    media, payloads = "", [""]
    for line in sdp.splitlines():
        if line.startswith("m="):
            media, *rest = line[2:].split()
            payloads = rest[2:]
            if media == "video":
                codecs += [STATIC_PAYLOADS[int(p)] for p in payloads if p.isdigit() and int(p) in STATIC_PAYLOADS]
        found = re.match(r"a=rtpmap:(\d+)\s+([^/\s]+)", line)
        if found and media == "video" and found[1] in payloads:
            codecs.append(found[2].upper())
    return list(dict.fromkeys(codecs))


class _Talk:
    """One connection's requests and answers, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> None:
        self._reader = reader
        self._writer = writer
        self._url = url
        self._sequence = 0

    async def describe(self, user: str, password: str) -> str:
        await self._ask("OPTIONS")  # whatever it answers: that it does is RTSP
        answer = await self._ask("DESCRIBE")
        if answer.status == 401 and user:
            for challenge in sorted(answer.challenges, key=_strength, reverse=True):
                authorization = _authorization(challenge, "DESCRIBE", self._url, user, password)
                if authorization:
                    answer = await self._ask("DESCRIBE", authorization)
                    break
        if answer.status != 200:
            raise Refused(answer.status, answer.reason)
        return answer.body

    async def _ask(self, method: str, authorization: str = "") -> _Answer:
        self._sequence += 1
        lines = [f"{method} {self._url} RTSP/1.0", f"CSeq: {self._sequence}", f"User-Agent: {AGENT}"]
        if method == "DESCRIBE":
            lines.append("Accept: application/sdp")
        if authorization:
            lines.append(f"Authorization: {authorization}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
        first, *fields = head.strip().split("\r\n")
        found = re.fullmatch(r"RTSP/1\.\d (\d{3}) ?(.*)", first)
        if not found:
            raise ValueError(f"it answers {first[:60]!r}")
        length, challenges = 0, []
        for name, _, value in (field.partition(":") for field in fields):
            if name.lower() == "content-length":
                length = int(value)
            elif name.lower() == "www-authenticate":
                challenges.append(value.strip())
        if not 0 <= length <= MAX_BODY:
            raise ValueError(f"it announces {length} bytes")
        body = (await self._reader.readexactly(length)).decode("utf-8", "replace")
        return _Answer(int(found[1]), found[2][:80], tuple(challenges), body)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    reason: str
    challenges: tuple[str, ...]
    body: str


def _strength(challenge: str) -> int:
    return 0 if challenge.lower().startswith("basic") else 2 if "sha-256" in challenge.lower() else 1


def _authorization(challenge: str, method: str, url: str, user: str, password: str) -> str:
    """The answer to one WWW-Authenticate challenge; empty if it is of a kind not known here."""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    facts = {name.lower(): quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', rest)}
    digest = DIGESTS.get(facts.get("algorithm", "MD5").upper())
    if scheme.lower() != "digest" or digest is None or "nonce" not in facts:
        return ""

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode()).hexdigest()

    realm, nonce = facts.get("realm", ""), facts["nonce"]
    said = {"username": user, "realm": realm, "nonce": nonce, "uri": url}
    mine, theirs = hashed(user, realm, password), hashed(method, url)
    if "auth" in re.split(r"[\s,]+", facts.get("qop", "")):
        own = secrets.token_hex(8)
        said |= {"response": hashed(mine, nonce, "00000001", own, "auth", theirs), "cnonce": own}
        plain = ", qop=auth, nc=00000001"
    else:
        said["response"] = hashed(mine, nonce, theirs)
        plain = ""
    if "opaque" in facts:
        said["opaque"] = facts["opaque"]
    if "algorithm" in facts:
        plain += f", algorithm={facts['algorithm']}"
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in said.items()) + plain
