"""A new room PC is set up on its panel, by somebody who has never seen one: a real daemon, a camera on the network that
wants a login, a microphone, a server. If this fails, a room needs an engineer, or the wizard stands before Start.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from appliance import config
from appliance.lifecycle import EXIT_FAILED
from appliance.spool import pins
from appliance.spool.layout import Spool
from provisioning.first_room import first_room
from tests.browser.conftest import NO_ANSWER, Visits
from tests.browser.room_peer import RoomPeer
from tests.browser.test_kiosk_desk import entered
from tests.browser.test_kiosk_fit import severe
from tests.peers.program import wait_until
from tests.peers.pulse import DEVICE, pulse_microphone, speech
from tests.peers.rtsp_camera import Camera, rtsp_camera
from tests.system.deployment import Room, Server, closing_all, command

NAME, PIN, PASSWORD = "قاعة ١", "271828", "a pass/word"
REFUSED = "/api/v1/setup/"
GONE = "/preview.mjpeg"
"""Until the page hears of the new room, it may ask it for the pictures of the one before."""


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    with rtsp_camera(tmp_path, user="admin", password=PASSWORD, fps=10) as camera:
        yield camera


def look_at(page: Page, step: str) -> None:
    """It can be read and touched, and fits on the screen."""
    dialog = page.locator("dialog.setup")
    expect(dialog).to_have_attribute("data-step", step)
    expect(dialog.locator("h3")).to_be_focused()
    assert severe(page) == []
    assert dialog.evaluate("e => e.scrollWidth <= innerWidth && e.scrollHeight <= innerHeight")
    small = dialog.locator(":is(button, input)").evaluate_all(
        """(all) => all.filter((e) => e.checkVisibility())
            .filter((e) => Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height) < 64)
            .map((e) => e.outerHTML)"""
    )
    assert small == []


def go_on(page: Page) -> None:
    page.locator(".setup-foot .start").click()


def complaint(page: Page) -> str:
    expect(page.locator(".setup-said")).to_be_visible(timeout=20_000)
    return page.locator(".setup-said").inner_text()


def type_pin(page: Page, pin: str) -> None:
    page.locator("dialog.setup .pin-field").fill(pin)
    page.locator("dialog.setup .pin-enter").click()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_new_room_is_set_up_on_its_panel(visits: Visits, tmp_path: Path, camera: Camera, language: str) -> None:
    visits.expected += [REFUSED, NO_ANSWER, GONE]  # the daemon starts anew
    server = Server(tmp_path)
    with pulse_microphone(tmp_path) as microphone:
        room = Room(tmp_path, "", env=microphone.env)
        room.config.write_text(first_room([], "amphi-a"))
        with closing_all(room, server):
            server.start_web()
            room.start()
            microphone.play(speech(tmp_path / "voice.wav", 60))
            page = visits.open(room.url)
            look_at(page, "language")
            page.locator(f".setup-language[lang={language}]").click()
            expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
            name_and_devices(page, camera)
            page.reload()  # as after a power cut: it goes on where it was
            join(page, server)
            give_a_pin(page)
            look_at(page, "summary")
            for chosen in (NAME, "127.0.0.1", DEVICE, server.url):
                expect(page.locator(".setup-facts")).to_contain_text(chosen)
            go_on(page)
            taken_on(page, room)
            assert camera.url in room.config.read_text()
        written(room, server, language)


def name_and_devices(page: Page, camera: Camera) -> None:
    look_at(page, "name")
    page.locator(".setup-field input").fill(NAME)
    go_on(page)
    expect(page.locator(".setup-tile.microphone")).to_be_visible(timeout=20_000)
    expect(page.locator(".setup-tiles").first.locator(".setup-none")).to_be_visible()
    page.locator(".setup-buttons .button").filter(visible=True).first.click()
    fields = page.locator(".setup-camera input")
    for field, text in zip(fields.all(), (camera.url, "admin", "wrong"), strict=True):
        field.fill(text)
    page.locator(".setup-camera .button:not(.keyboard-toggle)").first.click()
    refused = complaint(page)
    fields.last.fill(PASSWORD)
    fields.last.press("Enter")
    tile = page.locator(".setup-tile.camera")
    expect(tile.locator("source-picture")).to_have_attribute("data-live", "", timeout=20_000)
    expect(tile).to_have_attribute("data-chosen", "")
    ear = page.locator(".setup-tile.microphone", has_text=DEVICE)
    wait_until(lambda: int(ear.locator("level-meter").get_attribute("aria-valuenow") or -60) > -50, 20, "a voice")
    if ear.get_attribute("data-chosen") is None:
        ear.locator(".setup-tick").click()
    assert PASSWORD not in refused
    page.locator(".setup-body h3").focus()
    look_at(page, "devices")
    go_on(page)
    expect(page.locator("dialog.setup")).to_have_attribute("data-step", "server")


def join(page: Page, server: Server) -> None:
    look_at(page, "server")
    code = command(["lms-server", "enrol-code", NAME, "--data", str(server.data)]).split()[-1]
    address, given = page.locator(".setup-form input").all()
    button = page.locator(".setup-form > .button")
    said = set()
    for where, what in (("http://127.0.0.1:1", code), (server.url, "7QK2M-9XDR4")):
        address.fill(where)
        given.fill(what)
        button.click()
        said.add(complaint(page))
    assert len(said) == 2
    given.fill(code)
    button.click()
    expect(page.locator(".setup-fact").filter(has_text=server.url)).to_be_visible(timeout=20_000)
    go_on(page)


def give_a_pin(page: Page) -> None:
    look_at(page, "pin")
    type_pin(page, PIN)
    type_pin(page, "314159")
    expect(page.locator("dialog.setup .pin-said")).not_to_have_text("")
    type_pin(page, PIN)
    type_pin(page, PIN)


def taken_on(page: Page, room: Room) -> None:
    """The daemon comes back with the new file, and the start screen shows what was chosen."""
    expect(page.locator("dialog.setup")).to_have_count(0)
    process = room.daemon.process
    assert process is not None
    wait_until(lambda: process.poll() is not None, 10, "the daemon's end")
    assert process.wait() == EXIT_FAILED
    room.start()
    room.wait_state("ready")
    expect(page.locator(".tile.camera")).to_have_count(1, timeout=15_000)
    expect(page.locator(".room")).to_contain_text(NAME)
    expect(page.locator("dialog.setup")).to_have_count(0)
    expect(page.locator(".setup-tool")).to_be_hidden()
    page.locator(".start").click()
    expect(page.locator("html")).to_have_attribute("data-mode", "recording", timeout=15_000)
    room.wait_recording("camera-1", "microphone-1")


def written(room: Room, server: Server, language: str) -> None:
    loaded = config.load(room.config)
    assert (loaded.room.name, loaded.room.language, loaded.server.url) == (NAME, language, server.url)
    assert [device.driver for device in loaded.devices] == ["rtsp", "portaudio"]
    assert PASSWORD not in room.config.read_text()
    assert (room.folder / "secrets" / "camera-1").stat().st_mode & 0o777 == 0o600
    assert (room.folder / "room.toml.before").read_text() == first_room([], "amphi-a")
    assert pins.read(Spool(room.spool)).opens(PIN)


def test_a_teacher_records_before_anybody_has_set_the_room_up(room: RoomPeer, visits: Visits) -> None:
    room.change(first_boot=True)
    page = visits.open(room.url)
    expect(page.locator("dialog.setup")).to_be_visible()
    page.locator(".setup-start").click()
    expect(page.locator("html")).to_have_attribute("data-mode", "recording")
    expect(page.locator("dialog.setup")).to_have_count(0)
    assert [action for action, _ in room.commands if action == "start"] == ["start"]


def test_later_is_later_and_nothing_of_it_is_fetched_where_a_person_has_set_the_room_up(
    room: RoomPeer, visits: Visits
) -> None:
    fetched: list[str] = []

    def listen(page: Page) -> None:
        page.on("request", lambda request: fetched.append(request.url))

    page = visits.open(room.url, prepare=listen)
    expect(page.locator(".start")).to_be_visible()
    expect(page.locator("source-picture").first).to_have_attribute("data-live", "")
    assert [url for url in fetched if "/setup" in url.replace("/js/setup.js", "")] == []
    room.change(first_boot=True)
    expect(page.locator("dialog.setup")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.setup")).to_have_count(0)
    expect(page.locator(".tile.camera").first).to_be_visible()
    room.change(first_boot=True)
    page.locator(".setup-tool").click()
    expect(page.locator("dialog.setup")).to_be_visible()


def test_technicians_set_a_room_up_anew_within_their_session(room: RoomPeer, visits: Visits) -> None:
    page = visits.open(room.url)
    entered(page)
    page.get_by_role("button", name="Set it up anew").click()
    expect(page.locator("dialog.setup")).to_have_attribute("data-step", "language")
    expect(page.locator("dialog.desk")).to_be_hidden()
    page.locator(".setup-language[lang=ar]").click()  # the page is made anew, and the session goes on
    expect(page.locator("dialog.setup")).to_have_attribute("data-step", "name")
    go_on(page)
    expect(page.locator(".setup-tile.camera")).to_have_count(2)
    assert ("leave", {}) not in room.commands
    page.keyboard.press("Escape")
    expect(page.locator("dialog.setup")).to_have_count(0)
    wait_until(lambda: room.commands[-2:] == [("setup leave", {}), ("leave", {})], 5, "the end of the session")
