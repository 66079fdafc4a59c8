"""The teacher's panel in Chromium, over a real daemon with three sources on this machine."""

from __future__ import annotations

import gzip
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks import room
from benchmarks.harness import Figure, note, wait_until
from benchmarks.harness import cpu_of as cpu
from kiosk_ui.compile import HERE

CHROMIUM = "/usr/bin/chromium"
SOURCES = (
    '[[camera]]\nid = "front"\ndriver = "sim"\nscene = "pattern"\n\n'
    '[[camera]]\nid = "slides"\ndriver = "sim"\nscene = "slides"\n\n'
    '[[microphone]]\nid = "lectern"\ndriver = "sim"\n'
)
OPENINGS = 15
SLOWED = 4
"""Times that Chromium's processor is slowed down: a poor panel."""
TAPS = 40
FLASHES = 8
WATCHED_SECONDS = 20.0
ANSWERED = """() => {
  const look = () => {
    const start = document.querySelector('.start');
    const there = document.documentElement?.dataset.mode === 'ready' && start && start.ariaDisabled !== 'true';
    if (there) setTimeout(() => tell_answered(String(performance.now())));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
"""Tells when Start can be seen and touched: milliseconds since the navigation began, after the first picture that has
it. It looks once a picture and no oftener: what watched every change of the page took a twentieth of the time."""
LISTEN = """() => {
  window.taps = {};
  new PerformanceObserver((list) => {
    for (const { interactionId: id, duration } of list.getEntries())
      if (id) window.taps[id] = Math.max(window.taps[id] ?? 0, duration);
  }).observe({ type: 'event', durationThreshold: 16 });
}"""
"""Event Timing (W3C): from a touch to the picture on the screen that answers it, in steps of 8 ms."""
WATCH = """() => {
  window.flashes = [];
  const canvas = document.querySelector('source-picture[data-source=front] canvas');
  const paper = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });
  let light = true;
  const look = () => {
    paper.drawImage(canvas, 0, 0, 8, 8);
    const [red] = paper.getImageData(4, 4, 1, 1).data;
    if (red > 200 && !light) window.flashes.push(performance.timeOrigin + performance.now());
    light = red > 200;
    requestAnimationFrame(look);
  };
  look();
}"""
"""Notes when a flash is drawn: Unix milliseconds."""


@contextmanager
def _chromium() -> Iterator[Browser]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, "--disable-gpu"])
        yield browser
        browser.close()


def _slowed(context: BrowserContext, page: Page) -> None:
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})


def ready(folder: Path) -> Iterator[Figure]:
    """From the beginning of the navigation, with nothing cached, until Start can be touched."""
    with room.running(folder, SOURCES) as shown, _chromium() as browser:
        found = [_open(browser, shown.url) for _ in range(OPENINGS)]
    note(f"panel.ready: {', '.join(f'{each:.0f}' for each in found)} ms")
    yield Figure("panel.ready", statistics.median(found), "ms")


def _open(browser: Browser, url: str) -> float:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    page.goto(f"{url}healthz")  # the browser itself has started, and knows nothing of the panel
    page.add_init_script(f"({ANSWERED})()")
    told: list[float] = []
    devtools = context.new_cdp_session(page)
    devtools.on("Runtime.bindingCalled", lambda said: told.append(float(said["payload"])))
    devtools.send("Runtime.enable")
    devtools.send("Runtime.addBinding", {"name": "tell_answered"})
    _slowed(context, page)
    page.goto(url, wait_until="commit")
    while not told:
        # Nothing is asked of the page: what Playwright asks with is a script larger than all of the panel's.
        page.wait_for_timeout(20)
    context.close()
    return told[0]


def tap(folder: Path) -> Iterator[Figure]:
    """From a touch to the picture that answers it, 95 of 100, while a lesson is recorded."""
    with room.running(folder, SOURCES) as shown, _chromium() as browser:
        context = browser.new_context(viewport={"width": 1920, "height": 1080}, has_touch=True)
        page = context.new_page()
        _slowed(context, page)
        page.goto(shown.url)
        page.locator("source-picture[data-live]").nth(1).wait_for()
        page.evaluate(LISTEN)
        page.locator(".start").tap()
        page.locator("html[data-mode=recording]").wait_for()
        page.wait_for_timeout(1000)
        mark = page.locator(".mark").bounding_box() or {}
        for _ in range(TAPS):  # by coordinates, as a finger does: a locator would first run scripts in the page
            page.touchscreen.tap(mark["x"] + 50, mark["y"] + 50)
            page.wait_for_timeout(250)
        waited = sorted(page.evaluate("Object.values(window.taps)"))
        shown.stop_lesson()
    # What was answered within 16 ms is not told of.
    waited = sorted([16.0] * (TAPS + 1 - len(waited)) + waited)
    note(f"panel.tap: median {statistics.median(waited):.0f} ms, worst {waited[-1]:.0f} ms of {len(waited)}")
    yield Figure("panel.tap", waited[int(0.95 * len(waited))], "ms")


def script(folder: Path) -> Iterator[Figure]:
    """All of the panel's scripts, each compressed by itself as it would travel."""
    files = sorted((HERE / "static").rglob("*.js"))
    yield Figure("panel.script_kb", sum(len(gzip.compress(file.read_bytes())) for file in files) / 1000, "kB")


def preview(folder: Path) -> Iterator[Figure]:
    """From a flash before the camera to the panel's canvas, before a lesson."""
    with room.running(folder, SOURCES) as shown, _chromium() as browser:
        page = browser.new_page()
        page.goto(shown.url)
        page.locator("source-picture[data-source=front][data-live]").wait_for()
        page.evaluate(WATCH)
        wait_until(lambda: len(page.evaluate("window.flashes")) >= FLASHES, 60, "the flashes")
        flashes = page.evaluate("window.flashes")
    ahead = time.time() - time.monotonic()
    delays = [(each / 1000 - ahead) % 2 * 1000 for each in flashes[1:]]
    note(f"panel.preview_delay: {', '.join(f'{each:.0f}' for each in delays)} ms")
    yield Figure("panel.preview_delay", statistics.median(delays), "ms")


def daemon(folder: Path) -> Iterator[Figure]:
    """The daemon's own processor time while a lesson of three sources is recorded and the panel shows it."""
    with room.running(folder, SOURCES) as shown, _chromium() as browser:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(shown.url)
        page.locator("source-picture[data-live]").nth(1).wait_for()
        shown.start_lesson(3)
        time.sleep(5)
        pid = int((shown.run.pids())[0])
        before, began = cpu(pid), time.monotonic()
        time.sleep(WATCHED_SECONDS)
        share = (cpu(pid) - before) / (time.monotonic() - began)
        shown.stop_lesson()
    yield Figure("panel.daemon_cpu", share * 100, "% of a core")
