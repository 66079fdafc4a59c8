"""A panel on the room PC's own HDMI cable, told through HDMI-CEC by ``cec-ctl`` of v4l-utils.

CEC is chapter CEC of the HDMI specification 1.4b; the kernel's own interface is driven by cec-ctl, whose words are read
here as versions 1.22 and 1.26 write them. Few graphics cards have CEC; a USB adapter (Pulse-Eight) gives one to the
others. Volume is stepped in CEC, so it cannot be set.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from drivers.errors import AuthFailed, DriverError, NotReady, Unsupported
from drivers.manifest import DriverManifest
from drivers.panel.few import FewWords
from drivers.protocols import DriverConfig, PanelState, Power

SECONDS = 4.0
POWERS: Mapping[str, Power] = {"on": "on", "standby": "off", "to-on": "warming", "to-standby": "cooling"}
NOWHERE = "f.f.f.f"
_INFO = re.compile(r"^\s*(Physical Address|Logical Address Mask)\s*: (\S+)", re.MULTILINE)
_POWER = re.compile(r"pwr-state: ([a-z-]+)")
_UNDELIVERED = re.compile(r"Not Acknowledged|Max Retries|Arbitration Lost|Low Drive")

MANIFEST = DriverManifest(
    kind="panel",
    name="cec",
    title="Panel on the room PC's HDMI cable (HDMI-CEC)",
    capabilities=frozenset({"power", "input", "mute"}),
    needs=("cec-ctl (Debian package v4l-utils)", "a CEC adapter, /dev/cec0", "the group video"),
    tested_with=("words of cec-ctl 1.22 and 1.26; no panel yet",),
    transports=("HDMI-CEC",),
)


class CecConfig(DriverConfig):
    device: str = Field("/dev/cec0", min_length=1)
    address: int = Field(0, ge=0, le=14)
    """Its logical address; a television's is 0."""
    program: str = Field("cec-ctl", min_length=1)


Config = CecConfig


class Driver(FewWords):
    """See ``drivers.protocols.Panel``. Its one input is ``pc``: this computer."""

    Config: ClassVar[type[DriverConfig]] = CecConfig
    words = "HDMI-CEC"

    def __init__(self, config: CecConfig) -> None:
        self._config = config

    @property
    def can(self) -> frozenset[str]:
        return frozenset({"power", "input", "mute"})

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("pc",)

    async def check(self) -> None:
        await self.state()

    async def state(self) -> PanelState:
        said = await self._tell("--give-device-power-status")
        found = _POWER.search(said)
        if found is None or found[1] not in POWERS:
            raise self._silent()
        return PanelState(POWERS[found[1]])

    async def power(self, *, on: bool) -> None:
        await self._tell("--image-view-on" if on else "--standby")

    async def select(self, source: str) -> None:
        if source not in self.inputs:
            raise Unsupported(
                "panel-no-such", f"HDMI-CEC shows only this computer, pc, not {source!r}.", action="input"
            )
        place = await self._place()
        await self._tell("--active-source", f"phys-addr={place}")

    async def mute(self, *, on: bool) -> None:
        key = "mute-function" if on else "restore-volume-function"
        await self._tell("--user-control-pressed", f"ui-cmd={key}")
        await self._tell("--user-control-released")

    # -- the program

    async def _place(self) -> str:
        """Where on the panel's inputs this computer is; the adapter is made a player if it is nothing yet."""
        found: dict[str, str] = dict(_INFO.findall(await self._run()))
        if found.get("Physical Address", NOWHERE) == NOWHERE:
            raise NotReady(
                "device-unreachable",
                f"No panel is on the HDMI cable of {self._config.device}; plug it in, switch it on.",
            )
        if int(found.get("Logical Address Mask", "0"), 16) == 0:
            await self._run("--playback")
        return found["Physical Address"]

    async def _tell(self, *message: str) -> str:
        """Send one message; what the program says to it. Raises NotReady when nobody took it."""
        await self._place()
        said = await self._run("--skip-info", "--to", str(self._config.address), *message)
        if _UNDELIVERED.search(said):
            raise self._silent()
        return said

    async def _run(self, *arguments: str) -> str:
        config = self._config
        try:
            process = await asyncio.create_subprocess_exec(
                config.program,
                *("--device", config.device, *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            raise Unsupported(
                "panel-no-program", f"There is no program {config.program}; install it: apt install v4l-utils."
            ) from error
        try:
            async with asyncio.timeout(SECONDS):
                out, _ = await process.communicate()
        except TimeoutError as error:
            raise self._silent() from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        said = out.decode("utf-8", "replace")
        if "Failed to open" in said:
            raise self._unopened(said)
        return said

    def _unopened(self, said: str) -> DriverError:
        device = self._config.device
        if "denied" in said or "not permitted" in said:
            return AuthFailed(
                "panel-permission",
                f"{device} may not be used by this user; add the user to the group video (usermod -aG video USER).",
                device=device,
            )
        return NotReady(
            "panel-no-cec",
            f"There is no {device}; this computer has no HDMI-CEC, or its adapter is out.",
            device=device,
        )

    def _silent(self) -> NotReady:
        return NotReady(
            "device-silent",
            "The panel does not answer on HDMI-CEC; switch it on there (Anynet+, SimpLink, Bravia Sync, EasyLink …).",
            where=self._config.device,
        )
