"""A camera that speaks ONVIF (Core and Profile S specifications): its profiles, streams, still pictures, its turning.

Its clock is asked first and only its clock is used, for it refuses logins that look old, and neither its time nor the
room's can be trusted to be right. An address it gives of itself is used with the host at which it was reached: behind
a router, or with a leftover setting, it names one that nobody can reach.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

import httpx
from pydantic import Field

from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.onvif import soap
from drivers.protocols import DriverConfig

SECONDS = 4.0
UNUSABLE = frozenset({"JPEG", "MPEG4"})
"""Encodings that are not recorded as they come."""

Service = Literal["Device", "Media", "PTZ"]


class OnvifConfig(DriverConfig):
    """user and password: those of the camera's ONVIF users, which many makers keep apart from its web page's."""

    host: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._:\-]+$")
    http_port: int = Field(80, ge=1, le=65535)
    secure: bool = False
    """https; the certificate is not checked, for cameras sign their own."""
    user: str = ""
    password: str = Field("", repr=False)
    profile: str = ""
    """The name or token of one of its profiles; the one with the largest picture if empty."""


@dataclass(frozen=True, slots=True)
class Profile:
    token: str
    name: str
    encoding: str
    width: int
    height: int
    turns: bool

    def __str__(self) -> str:
        return f"{self.name or self.token} ({self.encoding or 'no picture'} {self.width}x{self.height})"


@dataclass(frozen=True, slots=True)
class Preset:
    token: str
    name: str


@dataclass(slots=True)
class _Known:
    """clock: the device's time less our monotonic time, in seconds. services: their addresses."""

    clock: float
    services: dict[str, str] = field(default_factory=dict)


class OnvifDevice:
    """Everything raises NotReady ``camera-unreachable`` | ``device-nonsense`` | ``camera-refuses``, AuthFailed
    ``camera-login``, Unsupported ``camera-no-stream`` | ``ptz-cannot``. Nothing stays open between two questions.
    """

    def __init__(self, config: OnvifConfig) -> None:
        self._config = config
        host = f"[{config.host}]" if ":" in config.host else config.host
        self.where = f"{host}:{config.http_port}"
        self._address = f"{'https' if config.secure else 'http'}://{self.where}/onvif/device_service"
        self._known: _Known | None = None

    # -- pictures

    async def profiles(self) -> list[Profile]:
        answer = await self._ask("Media", "<trt:GetProfiles/>")
        return [
            Profile(
                token=each.get("token", ""),
                name=soap.text(each, "Name"),
                encoding=soap.text(each, "VideoEncoderConfiguration/Encoding").upper(),
                width=soap.number(each, "VideoEncoderConfiguration/Resolution/Width"),
                height=soap.number(each, "VideoEncoderConfiguration/Resolution/Height"),
                turns=soap.find(each, "PTZConfiguration") is not None,
            )
            for each in soap.every(answer, "Profiles")
        ]

    async def profile(self) -> Profile:
        """The configured one, or the largest that can be recorded."""
        offered, wanted = await self.profiles(), self._config.profile
        usable = [each for each in offered if wanted in {each.name, each.token} or not wanted]
        usable = [each for each in usable if each.encoding not in UNUSABLE] if not wanted else usable
        if not usable:
            names = ", ".join(map(str, offered)) or "none"
            asked = f'no profile "{wanted}"' if wanted else "no profile with H.264 or H.265"
            raise Unsupported("camera-no-stream", f"The camera at {self.where} has {asked}; it has: {names}.")
        return max(usable, key=lambda each: each.width * each.height)

    async def stream(self, profile: Profile) -> str:
        """The RTSP address, without a login."""
        said = await self._ask(
            "Media",
            "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport>"
            "<tt:Protocol>RTSP</tt:Protocol></tt:Transport></trt:StreamSetup>"
            f"<trt:ProfileToken>{escape(profile.token)}</trt:ProfileToken></trt:GetStreamUri>",
        )
        return self._reachable(soap.text(said, "MediaUri/Uri"))

    async def snapshot(self, profile: Profile) -> bytes:
        """A still picture, JPEG."""
        token = escape(profile.token)
        said = await self._ask(
            "Media", f"<trt:GetSnapshotUri><trt:ProfileToken>{token}</trt:ProfileToken></trt:GetSnapshotUri>"
        )
        address = self._reachable(soap.text(said, "MediaUri/Uri"))
        login = (self._config.user, self._config.password)
        answer = await self._http("GET", address, httpx.DigestAuth(*login))
        if answer.status_code == 401 and answer.headers.get("www-authenticate", "").lower().startswith("basic"):
            answer = await self._http("GET", address, httpx.BasicAuth(*login))
        if answer.status_code in {401, 403}:
            raise self._refused_login()
        if not answer.content.startswith(b"\xff\xd8"):
            raise NotReady("camera-refuses", f"The camera at {self.where} gives no still picture now; try again.")
        return answer.content

    # -- turning; token: a profile's

    async def presets(self, token: str) -> list[Preset]:
        answer = await self._turn("GetPresets", token)
        return [Preset(each.get("token", ""), soap.text(each, "Name")) for each in soap.every(answer, "Preset")]

    async def recall(self, token: str, preset: str) -> None:
        await self._turn("GotoPreset", token, f"<tptz:PresetToken>{escape(preset)}</tptz:PresetToken>")

    async def store(self, token: str, name: str, preset: str = "") -> None:
        """preset: the token of the one to overwrite; a new one with this name if empty."""
        named = f"<tptz:PresetName>{escape(name)}</tptz:PresetName>"
        over = f"<tptz:PresetToken>{escape(preset)}</tptz:PresetToken>" if preset else ""
        await self._turn("SetPreset", token, named + over)

    async def home(self, token: str) -> None:
        await self._turn("GotoHomePosition", token)

    async def move(self, token: str, *, turn: tuple[float, float] | None = None, zoom: float | None = None) -> None:
        """Until ``stop``; what is not given goes on as it does. turn: pan and tilt, -1 to 1."""
        part = f"<tt:PanTilt x={quoteattr(f'{turn[0]:.3f}')} y={quoteattr(f'{turn[1]:.3f}')}/>" if turn else ""
        part += f"<tt:Zoom x={quoteattr(f'{zoom:.3f}')}/>" if zoom is not None else ""
        await self._turn("ContinuousMove", token, f"<tptz:Velocity>{part}</tptz:Velocity>")

    async def stop(self, token: str) -> None:
        await self._turn("Stop", token, "<tptz:PanTilt>true</tptz:PanTilt><tptz:Zoom>true</tptz:Zoom>")

    async def place(self, token: str) -> tuple[float | None, float | None, float | None]:
        """Pan, tilt (-1 to 1) and zoom (0 to 1), as far as it says."""
        answer = await self._turn("GetStatus", token)
        turned, zoomed = soap.find(answer, "Position/PanTilt"), soap.find(answer, "Position/Zoom")
        return _float(turned, "x"), _float(turned, "y"), _float(zoomed, "x")

    # -- asking

    async def _turn(self, order: str, token: str, more: str = "") -> ET.Element:
        profile = f"<tptz:ProfileToken>{escape(token)}</tptz:ProfileToken>"
        return await self._ask("PTZ", f"<tptz:{order}>{profile}{more}</tptz:{order}>")

    async def _ask(self, service: Service, body: str) -> ET.Element:
        fresh = self._known is None
        known = self._known = self._known or await self._learn()
        try:
            return await self._say(self._service(known, service), body, known)
        except AuthFailed:
            if fresh:
                raise
        # Its clock may have been set since it was asked.
        known = self._known = await self._learn()
        return await self._say(self._service(known, service), body, known)

    async def _learn(self) -> _Known:
        """Its clock, which it tells anybody, and where its services are."""
        known = _Known(time.time() - time.monotonic())
        try:
            said = await self._say(self._address, "<tds:GetSystemDateAndTime/>", None)
            known.clock = _utc(said) - time.monotonic()
        except (AuthFailed, ValueError):
            pass  # a camera that hides its clock, or has none: then the room's must do
        said = await self._say(
            self._address, "<tds:GetCapabilities><tds:Category>All</tds:Category></tds:GetCapabilities>", known
        )
        for name in ("Media", "PTZ"):
            if address := soap.text(said, f"Capabilities/{name}/XAddr"):
                known.services[name] = self._reachable(address)
        return known

    def _service(self, known: _Known, service: Service) -> str:
        if service not in known.services:
            if service == "PTZ":
                raise Unsupported("ptz-cannot", f"The camera at {self.where} cannot be turned over ONVIF.")
            raise Unsupported("camera-no-stream", f"The camera at {self.where} shows nothing over ONVIF; try rtsp.")
        return known.services[service]

    async def _say(self, address: str, body: str, known: _Known | None) -> ET.Element:
        """One question. known: to log in, if there is a user."""
        config = self._config
        header = (
            soap.login(config.user, config.password, known.clock + time.monotonic()) if known and config.user else ""
        )
        login = httpx.DigestAuth(config.user, config.password) if known and config.user else None
        answer = await self._http("POST", address, login, soap.envelope(body, header))
        if answer.status_code in {401, 403}:
            raise self._refused_login()
        try:
            said = soap.parse(answer.content)
        except soap.Nonsense as error:
            raise NotReady(
                "device-nonsense",
                f"{self.where} answers, but not as an ONVIF camera; check http_port, and switch ONVIF on in its menu.",
                where=self.where,
            ) from error
        if soap.find(said, "Fault") is not None:
            raise self._fault(said)
        return said

    async def _http(self, method: str, address: str, login: httpx.Auth | None, content: bytes = b"") -> httpx.Response:
        kind = {"Content-Type": "application/soap+xml; charset=utf-8"} if content else {}
        try:
            async with httpx.AsyncClient(verify=False, timeout=SECONDS, trust_env=False) as http:  # noqa: S501 - own certificates
                return await http.request(method, address, content=content or None, headers=kind, auth=login)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotReady(
                "camera-unreachable",
                f"The camera at {self.where} does not answer; check its power, its cable and the address.",
                where=self.where,
            ) from error

    def _fault(self, said: ET.Element) -> DriverError:
        codes = " ".join((value.text or "") for value in soap.every(said, "Value"))
        reason = soap.text(said, "Reason/Text")[:200] or codes
        if "NotAuthorized" in codes or "not authorized" in reason.lower():
            return self._refused_login()
        return NotReady(
            "camera-refuses", f"The camera at {self.where} refuses: {reason.rstrip('.')}.", where=self.where
        )

    def _refused_login(self) -> AuthFailed:
        return AuthFailed(
            "camera-login",
            f"The camera at {self.where} refuses the login; many keep ONVIF users apart: check user and password.",
            where=self.where,
        )

    def _reachable(self, address: str) -> str:
        """The address with the host at which the camera was reached. Raises NotReady for one that is none."""
        try:
            parts = urlsplit(address)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            parts, port = urlsplit(""), ""
        if not parts.hostname or any(sign.isspace() for sign in address):
            raise NotReady("device-nonsense", f"The camera at {self.where} gives no proper address; restart it.")
        host = f"[{self._config.host}]" if ":" in self._config.host else self._config.host
        return urlunsplit(parts._replace(netloc=host + port))


def _utc(said: ET.Element) -> float:
    """Seconds since 1970 by its clock. Raises ValueError when it does not say, or says no date."""
    year, month, day = (soap.number(said, f"UTCDateTime/Date/{part}") for part in ("Year", "Month", "Day"))
    hour, minute, second = (soap.number(said, f"UTCDateTime/Time/{part}") for part in ("Hour", "Minute", "Second"))
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()


def _float(element: ET.Element | None, name: str) -> float | None:
    try:
        return float(element.get(name, "")) if element is not None else None
    except ValueError:
        return None
