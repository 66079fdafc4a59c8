"""For questions over plain HTTP on this machine. `httpx.get` makes a client for each, and with it loads the world's
certificates: tens of milliseconds of a processor, for every look at whether something has happened yet."""

from __future__ import annotations

import ssl

import httpx

TRUSTING_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Costs nothing to make, and is never asked: `verify` of a client that meets no HTTPS."""
HTTP = httpx.Client(verify=TRUSTING_NOBODY, limits=httpx.Limits(max_keepalive_connections=0))
"""As `httpx` itself: a connection for each question, five seconds of patience."""
