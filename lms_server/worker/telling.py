"""The chore that tells programs of others what became of lessons and rooms: signed, and again until they have heard.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import structlog

from lms_server.catalog.webhooks import AT_ONCE, Delivery, Webhooks

SECONDS = 10.0
"""For which an answer is waited."""
GONE = 410
log = structlog.get_logger(__name__)


class NotAllowed(Exception):
    """The address lies in a network that is nobody else's business."""


def telling(webhooks: Webhooks, clock: Callable[[], float], *, private: bool) -> Callable[[], None]:
    """private: whether addresses of private networks may be told too."""

    def tell() -> None:
        by_hook: dict[int, list[Delivery]] = {}
        for delivery in webhooks.due():
            by_hook.setdefault(delivery.hook, []).append(delivery)
        if by_hook:
            with ThreadPoolExecutor(AT_ONCE) as side_by_side:
                list(side_by_side.map(in_order, by_hook.values()))

    def in_order(deliveries: list[Delivery]) -> None:
        """Until one does not go: whoever does not hear holds up the worker's chores no longer than that."""
        for delivery in deliveries:
            if not one(delivery):
                return

    def one(delivery: Delivery) -> bool:
        problem, final = "", False
        try:
            answer = post(delivery, clock(), private=private)
            if not answer.is_success:
                problem, final = f"it answered {answer.status_code}", answer.status_code == GONE
        except NotAllowed as error:
            problem, final = str(error), True
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            problem = str(error) or type(error).__name__
        if problem:
            log.warning("webhook not told", url=delivery.url, kind=delivery.kind, problem=problem, final=final)
        webhooks.done(delivery, problem, final=final)
        return not problem

    return tell


def post(delivery: Delivery, now: float, *, private: bool) -> httpx.Response:
    """One try. The name is looked up once, and the connection goes to the address that was judged: another answer of
    the name server changes nothing. Raises NotAllowed, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError."""
    url = httpx.URL(delivery.url)
    address = _address(url, private=private)
    body = json.dumps(
        {
            "type": delivery.kind,
            "timestamp": datetime.fromtimestamp(delivery.made, UTC).isoformat(),
            "data": delivery.data,
        },
        ensure_ascii=False,
    ).encode()
    identity, moment = f"msg_{delivery.id}_{int(delivery.made)}", str(int(now))
    headers = {
        "Content-Type": "application/json",
        "Host": url.netloc.decode(),
        "User-Agent": "darsbox",
        "webhook-id": identity,
        "webhook-timestamp": moment,
        "webhook-signature": sign(delivery.secret, identity, moment, body),
    }
    with httpx.Client(timeout=SECONDS, trust_env=False, follow_redirects=False) as client:
        extensions = {"sni_hostname": url.host} if url.scheme == "https" else {}
        return client.post(url.copy_with(host=address), content=body, headers=headers, extensions=extensions)


def sign(secret: str, identity: str, moment: str, body: bytes) -> str:
    """The header webhook-signature. secret: whsec_ and base64; moment: Unix seconds."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, b".".join((identity.encode(), moment.encode(), body)), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def _address(url: httpx.URL, *, private: bool) -> str:
    """Of the host, numerical. Raises NotAllowed, OSError, and ValueError for what is no name."""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = [str(each[4][0]) for each in socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)]
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        inner = getattr(address, "ipv4_mapped", None) or address
        if not private and (not inner.is_global or inner.is_multicast):
            raise NotAllowed(f"{url.host} is in a private network; allow that by --private-webhooks of the worker")
    return found[0]
