"""SOAP 1.2 as ONVIF cameras speak it: an envelope out, an element tree back.

WS-UsernameToken with a digest: OASIS Web Services Security UsernameToken Profile 1.0. Names are read without their
prefixes: every maker chooses others, and some forget to declare them, which a stricter reader would refuse.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import escape

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"'
)


class Nonsense(Exception):
    """What came is no SOAP."""


def envelope(body: str, header: str = "") -> bytes:
    """body: one element with the prefixes tds, trt, tptz or tt."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {_NAMESPACES}>'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def login(user: str, password: str, device_time: float) -> str:
    """The header that proves the password. device_time: now, by the device's clock, in seconds since 1970."""
    nonce = secrets.token_bytes(16)
    created = datetime.fromtimestamp(device_time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # SHA-1 is what the profile of 2004 wants; it is not ours to choose.
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<wsse:Security s:mustUnderstand="1" xmlns:wsse="{_WSS}-wssecurity-secext-1.0.xsd" '
        f'xmlns:wsu="{_WSS}-wssecurity-utility-1.0.xsd"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(user)}</wsse:Username>"
        f'<wsse:Password Type="{_WSS}-username-token-profile-1.0#PasswordDigest">{_base64(digest)}</wsse:Password>'
        f'<wsse:Nonce EncodingType="{_WSS}-soap-message-security-1.0#Base64Binary">{_base64(nonce)}</wsse:Nonce>'
        f"<wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>"
    )


def parse(data: bytes) -> ET.Element:
    """The whole message, its names without their prefixes. Raises Nonsense."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: builder.start(_local(name), attributes)
    parser.EndElementHandler = lambda name: builder.end(_local(name))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Nonsense(str(error)) from error
    found = builder.close()
    if found.tag != "Envelope":
        raise Nonsense("not an envelope")
    return found


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _no_doctype(*_: object) -> None:
    # SOAP has none; and where there is none, no entity can blow up or reach out.
    raise Nonsense("a document type")


def find(element: ET.Element, path: str) -> ET.Element | None:
    """The first element anywhere below with this name, then on by child: ``Media/XAddr``."""
    return element.find(f".//{path}")


def every(element: ET.Element, name: str) -> list[ET.Element]:
    """All elements below with this name."""
    return element.findall(f".//{name}")


def text(element: ET.Element, path: str) -> str:
    """What stands in the first such element; empty when there is none."""
    found = find(element, path)
    return (found.text or "").strip() if found is not None else ""


def number(element: ET.Element, path: str) -> int:
    """Likewise, 0 when it is no number."""
    said = text(element, path)
    return int(said) if said.isdecimal() else 0


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
