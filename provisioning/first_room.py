"""The ``room.toml`` of a room that was just installed, on standard output: the devices found here, else simulated ones.
``python -m provisioning.first_room``.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence

from appliance.roomfile import sealed
from drivers.protocols import Found
from provisioning.demo_room import devices, discover, table

HEAD = """\
# Written when darsbox-room was installed, with what was found then. As long as nobody changes it, the panel offers to
# set the room up. Where nothing was found, devices are simulated (driver = "sim"): set the room up on the panel, or put
# your own devices here, as the guide for IT staff says, check with "appliance config", then:
# systemctl restart darsbox-room
"""


def first_room(found: Sequence[Found], host: str) -> str:
    """It is called as the machine is, and has no server until somebody enrols it."""
    name = " ".join(host.split())[:80] or "Room"
    return sealed("\n".join([HEAD, table("[room]", {"name": name}), *devices(found)]), "installer")


if __name__ == "__main__":
    sys.stdout.write(first_room(asyncio.run(discover()), socket.gethostname()))
