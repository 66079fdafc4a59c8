"""How soon a lesson plays: the portal's player in Chromium, over a real server on this machine, with two pictures."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.harness import Figure, note
from tests.peers.central import Central
from tests.peers.furnished import PASSWORD
from tests.peers.watched import watched

CHROMIUM = "/usr/bin/chromium"
TIMES = 5
"""Median of so many, each with a browser that knows nothing but its login."""
SHOWN = """new Promise((done) => {
  const pictures = [document.getElementById('player'), document.getElementById('second')];
  const look = () => pictures.every((one) => one.readyState >= 2) ? done(performance.now()) : setTimeout(look, 5);
  look();
})"""
"""Milliseconds from the beginning of the navigation until both pictures are there."""
MOVING = """new Promise((done) => {
  const player = document.getElementById('player');
  const begun = performance.now();
  player.addEventListener('timeupdate', () => player.currentTime > 0 && done(performance.now() - begun));
  document.getElementById('play').click();
})"""
"""Milliseconds from Play until the lesson moves; the browser tells its place four times a second."""


def start(folder: Path) -> Iterator[Figure]:
    data = folder / "server"
    folder.mkdir()
    things = watched(data)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    options = [*sandbox, "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    shown: list[float] = []
    moving: list[float] = []
    with Central(data) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        url = f"{server.url}/lessons/{things.whole}"
        page = browser.new_page()
        page.goto(url)
        page.locator("#name").fill(things.people["student"])
        page.locator("#password").fill(PASSWORD)
        page.locator("button.main").click()
        page.wait_for_url(url)
        state = page.context.storage_state()
        for _ in range(TIMES):
            context = browser.new_context(storage_state={"cookies": state["cookies"], "origins": []})
            page = context.new_page()
            page.goto(url, wait_until="commit")
            page.locator("#second").wait_for(state="attached")
            shown.append(page.evaluate(SHOWN) / 1000)
            moving.append(page.evaluate(MOVING) / 1000)
            context.close()
        browser.close()
    note(f"pictures after {', '.join(f'{each:.2f}' for each in shown)} s; moving after {max(moving):.2f} s at most")
    yield Figure("portal.player_start", statistics.median(shown) + statistics.median(moving), "s")
