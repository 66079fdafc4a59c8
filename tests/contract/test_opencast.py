"""Lessons for a school that has an Opencast. If these fail, they arrive twice, in part, or never, or are let go of here
before they are there."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ulid import ULID

from appliance.spool import targets
from appliance.spool.layout import Spool
from appliance.spool.targets import Target
from lms_sync.delivering import Deliveries
from lms_sync.pace import Backoff
from lms_sync.pacer import Pacer
from media.lesson import Source
from tests.measure import decode_errors
from tests.measure.room import FRONT, LECTERN, Room
from tests.peers.opencast import PASSWORD, USER, Opencast, opencast

SLIDES = Source("slides", "screen", "video", "Slides", driver="screen")
LESSON = "01K0000000000000000000000A"
PACKAGE = str(ULID.from_str(LESSON).to_uuid())


pytestmark = pytest.mark.anyio


class AtOnce(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return 0.0


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """A lesson of a camera, a screen and a microphone, with a title that XML would misread."""
    room = Room(tmp_path_factory.mktemp("taught"), FRONT, SLIDES, LECTERN)
    room.video(0.0, 3)
    room.video(0.0, 3, "slides", size=(480, 270))
    room.audio(0.0, 3)
    room.lesson.title = "Forces & <motion> القوى\x07"
    return room


@pytest.fixture
def spool(taught: Room, tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    shutil.copytree(taught.folder, spool.lesson_dir(LESSON))
    spool.write_lesson(taught.lesson)
    return spool


@pytest.fixture(scope="module")
def running() -> Iterator[Opencast]:
    with opencast() as peer:
        yield peer


@pytest.fixture
def peer(running: Opencast, spool: Spool) -> Opencast:
    running.packages.clear()
    running.calls.clear()
    running.fail.clear()
    configure(spool, running)
    return running


def configure(spool: Spool, peer: Opencast, **other: object) -> Target:
    table = {"id": "oc", "kind": "opencast", "url": peer.url, "user": USER, "password": PASSWORD}
    table |= {"workflow": "fast", "required": True, **other}
    targets.write(spool, [table])
    return targets.read(spool)[0]


async def deliver(spool: Spool, tries: int = 1) -> targets.Progress:
    """As a new process each time."""
    for _ in range(tries):
        await Deliveries(spool, pacer=Pacer(), paused=lambda: "", backoff=Backoff(AtOnce())).once()
    return targets.progress(spool, LESSON, "oc")


async def test_a_lesson_arrives_once_with_its_films_and_its_card(spool: Spool, peer: Opencast, tmp_path: Path) -> None:
    assert (await deliver(spool, 3)).state == "delivered"
    package = peer.packages[PACKAGE]
    assert sorted(package.tracks) == ["presentation/source", "presenter/source"]
    for number, film in enumerate(package.tracks.values()):
        file = tmp_path / f"{number}.mp4"
        file.write_bytes(film)
        assert decode_errors(file) == ""
    titles = {element.tag.rpartition("}")[2]: element.text for element in ElementTree.fromstring(package.catalog)}  # noqa: S314 - ours
    assert titles["title"] == "Forces & <motion> القوى"
    assert titles["spatial"] == "Room 12"
    assert package.workflow == "fast"
    assert peer.calls.count("ingest") == 1
    assert not list(spool.lesson_dir(LESSON).glob(".target-*"))


@pytest.mark.parametrize("step", ["available.json", PACKAGE, "addDCCatalog", "addTrack", "ingest"])
async def test_a_step_that_fails_is_repeated_alone(spool: Spool, peer: Opencast, step: str) -> None:
    peer.fail[step] = [503]
    assert (await deliver(spool)).problem == "target-unreachable"
    assert (await deliver(spool)).state == "delivered"
    assert peer.calls.count("addDCCatalog") == 1 + (step == "addDCCatalog")
    assert peer.calls.count("addTrack") == 2 + (step == "addTrack")
    assert peer.packages[PACKAGE].workflow == "fast"


async def test_a_lost_answer_to_the_last_call_does_not_send_the_lesson_again(spool: Spool, peer: Opencast) -> None:
    peer.deaf.add("ingest")
    assert (await deliver(spool)).state == "waiting"
    assert (await deliver(spool)).state == "delivered"
    assert peer.calls.count("ingest") == 1


async def test_a_package_that_it_forgot_is_begun_anew(spool: Spool, peer: Opencast) -> None:
    peer.fail["addTrack"] = [503]
    await deliver(spool)
    peer.packages.clear()
    refused = await deliver(spool)
    assert (refused.state, refused.problem, refused.memory) == ("refused", "target-refuses", {})
    targets.keep(spool, LESSON, "oc", replace(refused, retry_at=0.0))  # its next turn has come
    assert (await deliver(spool)).state == "delivered"


async def test_a_wrong_login_is_said_and_nothing_is_tried_for_hours(spool: Spool, peer: Opencast) -> None:
    configure(spool, peer, password="wrong")
    refused = await deliver(spool, 5)
    assert (refused.state, refused.problem) == ("refused", "target-not-admitted")
    assert peer.calls == ["available.json"]


async def test_a_lesson_is_let_go_of_only_when_a_required_target_has_it(spool: Spool, peer: Opencast) -> None:
    target = configure(spool, peer)
    assert targets.lacking(spool, LESSON, [target]) == ["oc"]
    await deliver(spool)
    assert targets.lacking(spool, LESSON, [target]) == []
    assert targets.lacking(spool, LESSON, [replace(target, id="other")]) == ["other"]
    assert targets.lacking(spool, LESSON, [replace(target, id="other", required=False)]) == []


async def test_what_is_paused_waits(spool: Spool, peer: Opencast) -> None:
    waiting = Deliveries(spool, pacer=Pacer(), paused=lambda: "paused-by-hours")
    assert not await waiting.once()
    assert peer.calls == []


def test_the_file_with_the_password_is_for_the_room_alone(spool: Spool, peer: Opencast) -> None:
    assert targets.file_of(spool).stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in repr(targets.read(spool))
