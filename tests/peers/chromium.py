"""Chromium, driven by Playwright; with the switches that keep it from calling home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
"""The browser, as people and rooms have it."""
SHELL = "/usr/bin/chromium-headless-shell"
"""The same engine of the same version, without the windows around it: it draws, runs and plays pages alike, and costs a
quarter of the CPU for each page that is opened."""
_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
)


@contextmanager
def chromium(program: str = SHELL) -> Iterator[Browser]:
    """As long as it lives, no other event loop can run in this thread."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_QUIET, *sandbox])
        yield browser
        browser.close()
