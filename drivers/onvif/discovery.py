"""WS-Discovery (OASIS, version of April 2005) as ONVIF uses it: who on the room's networks is a camera?"""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from drivers.onvif import soap

GROUP, PORT = "239.255.255.250", 3702
SECONDS = 1.5
TRIES = 2
"""Datagrams get lost; the specification wants each sent twice."""
LARGEST = 65_535

_PROBE = """<?xml version="1.0" encoding="utf-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>
<a:MessageID>urn:uuid:{id}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>
<s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"""


@dataclass(frozen=True, slots=True)
class Sighting:
    """title: name and model as the camera gives them. turns: it says that it can be turned."""

    host: str
    port: int
    secure: bool
    title: str
    turns: bool


async def look_around(interfaces: Sequence[str] | None = None, seconds: float = SECONDS) -> list[Sighting]:
    """Cameras that answer on these network interfaces; on all of them if None. Never raises for a missing network."""
    loop = asyncio.get_running_loop()
    found: dict[tuple[str, int], Sighting] = {}
    sockets = [opened for name in interfaces or _interfaces() if (opened := _open(name)) is not None]
    probe = _PROBE.format(id=uuid.uuid4()).encode()

    def hear(sock: socket.socket) -> None:
        with suppress(OSError):  # nothing there after all, or an interface that has just gone
            data, (host, _) = sock.recvfrom(LARGEST)
            for each in sightings(data, host):
                found.setdefault((each.host, each.port), each)

    try:
        for sock in sockets:
            loop.add_reader(sock, hear, sock)  # the daemon's event loop, uvloop, knows no sock_recvfrom
        for _ in range(TRIES):
            for sock in sockets:
                with suppress(OSError):
                    sock.sendto(probe, (GROUP, PORT))
            await asyncio.sleep(seconds / 4)
        await asyncio.sleep(seconds - TRIES * seconds / 4)
    finally:
        for sock in sockets:
            loop.remove_reader(sock)
            sock.close()
    return sorted(found.values(), key=lambda each: (each.host, each.port))


def sightings(data: bytes, sender: str) -> list[Sighting]:
    """What one datagram says; nothing if it is none of ours. sender: its IP address, which counts for more than an
    address in its text."""
    try:
        said = soap.parse(data)
    except soap.Nonsense:
        return []
    seen = []
    for match in soap.every(said, "ProbeMatch"):
        addresses = soap.text(match, "XAddrs").split()
        address = next((each for each in addresses if f"//{sender}" in each), addresses[0] if addresses else "")
        try:
            parts = urlsplit(address)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            continue
        if parts.scheme not in {"http", "https"}:
            continue
        scopes = soap.text(match, "Scopes").split()
        words = [_scope(scopes, "name"), _scope(scopes, "hardware")]
        title = " ".join(dict.fromkeys(word for word in words if word)) or sender
        turns = any(scope.lower().endswith("/type/ptz") for scope in scopes)
        seen.append(Sighting(sender, port, parts.scheme == "https", title, turns))
    return seen


def _scope(scopes: Sequence[str], name: str) -> str:
    start = f"onvif://www.onvif.org/{name}/"
    return next((unquote(scope[len(start) :]) for scope in scopes if scope.lower().startswith(start)), "")[:80]


def _interfaces() -> list[str]:
    return [name for _, name in socket.if_nameindex() if name != "lo"]


def _open(interface: str) -> socket.socket | None:
    """None for an interface without IPv4."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        # struct ip_mreqn: group, address, index. The index alone names the interface.
        mreqn = struct.pack("=4s4si", bytes(4), bytes(4), socket.if_nametoindex(interface))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, mreqn)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        sock.bind(("", 0))
    except OSError:
        sock.close()
        return None
    return sock
