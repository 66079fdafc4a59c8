"""A student hears a course in any podcast program, and what stands in the address opens no more than that."""

from __future__ import annotations

from collections.abc import Iterator

import feedparser
import pytest

from tests.peers.library import STARTED, Library, library

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with library(tmp_path_factory.mktemp("podcast") / "data") as found:
        found.lesson("Réfraction <b>& lentilles\x0b", STARTED, description="Deux\nlignes")
        found.lesson("التداخل", STARTED + 86400)
        found.lesson("Later", STARTED + 2 * 86400, publish_at=4e9)
        found.lesson("Nothing to play", STARTED + 3 * 86400, files=False)
        yield found


def address(course: Library, token: str, media: str = "") -> str:
    return f"/api/v1/courses/{course.course}/podcast?token={token}{media}"


async def test_a_foreign_reader_finds_the_lessons_and_fetches_what_they_name(course: Library) -> None:
    token = course.catalog.tokens.make(course.pupil, ["lessons:read"], None, "phone")
    answer = await course.get(address(course, token))
    assert answer.headers["content-type"].startswith("application/rss+xml")
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert (feed.feed.title, feed.feed.author) == ("PHY 101 – Optique & ondes", "ENS")
    assert [entry.title for entry in feed.entries] == ["التداخل", "Réfraction <b>& lentilles"]
    entry = feed.entries[1]
    assert (entry.itunes_duration, entry.author, entry.published) == (
        "3600",
        "Amina Haddad",
        "Fri, 06 Nov 2026 21:20:00 +0000",
    )
    (enclosure,) = entry.enclosures
    assert (enclosure.type, enclosure.length) == ("audio/mp4", "1000")
    fetched = await course.get(enclosure.href, "HEAD")
    assert (fetched.status_code, fetched.headers["content-length"]) == (200, "1000")
    film = feedparser.parse((await course.get(address(course, token, "&media=video"))).content)
    assert film.entries[0].enclosures[0].type == "video/mp4"


async def test_only_a_token_for_reading_alone_opens_anything_from_an_address(course: Library) -> None:
    admin = course.catalog.people.add("amina", "admin", "a-long-enough-one", "ENS")
    for scopes in (None, ["lessons:read", "lessons:edit"], ["rooms:read"]):
        token = course.catalog.tokens.make(admin, scopes, None, "")  # type: ignore[arg-type]  # scopes as they are typed
        assert (await course.get(address(course, token))).status_code == 403
        assert (await course.get(f"/api/v1/lessons?token={token}")).status_code == 401
    assert (await course.get(address(course, "darsbox_made-up"))).status_code == 401
    assert (await course.get(address(course, ""))).status_code == 401
