"""A catalogue of others learns of open lessons, of what changed and what is gone, and of nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from lxml import etree
from oaipmh_scythe import Scythe
from oaipmh_scythe.exceptions import BadResumptionToken, CannotDisseminateFormat, IdDoesNotExist, NoRecordsMatch
from starlette.testclient import TestClient

from lms_server.api import oai
from lms_server.catalog.schemas import Person
from tests.peers.library import STARTED, Library, library

IT = Person(id=99, name="it", role="it")
URL = "http://box.test/api/v1/oai"


@pytest.fixture
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with library(tmp_path_factory.mktemp("oai") / "data", oai_email="library@box.test") as found:
        found.clock.now = time.time() + 60.0  # triggers have the machine's own clock
        yield found


@pytest.fixture
def harvester(shelf: Library) -> Iterator[Scythe]:
    """A foreign harvester that speaks to the application in this process."""
    with TestClient(shelf.server.app, base_url="http://box.test") as inside, Scythe(URL) as scythe:

        def ask(request: httpx2.Request) -> httpx2.Response:
            answer = inside.request(request.method, str(request.url), content=request.content)
            return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)

        scythe._client = httpx2.Client(transport=httpx2.MockTransport(ask))
        yield scythe


def titles(harvester: Scythe, **asked: Any) -> list[str]:
    records = harvester.list_records(metadata_prefix="oai_dc", **asked)
    return ["gone" if record.deleted else record.metadata["title"][0] for record in records]


def test_only_what_is_open_to_everybody_is_told(shelf: Library, harvester: Scythe) -> None:
    with pytest.raises(NoRecordsMatch):
        titles(harvester)
    shelf.lesson("Optique\x0b & ondes", course_id=None, description="Réfraction")
    for facts in ({}, {"course_id": None, "publication": "private"}, {"course_id": None, "publish_at": 4e9}):
        shelf.lesson("Not for everybody", **facts)
    shelf.lesson("Not there yet", course_id=None, state="receiving", files=False)
    (record,) = harvester.list_records(metadata_prefix="oai_dc")
    assert record.metadata == {
        "title": ["Optique & ondes"],
        "creator": ["Amina Haddad"],
        "description": ["Réfraction"],
        "publisher": ["ENS"],
        "date": ["2026-11-06"],
        "type": ["MovingImage", "Lecture"],
        "identifier": [f"http://box.test/lessons/{record.header.identifier.rpartition(':')[2]}"],
        "language": ["fr"],
    }
    told = harvester.get_record(identifier=record.header.identifier, metadata_prefix="lrmi")
    terms = {etree.QName(each).localname: each.text for each in told.xml.iter() if each.text and each.text.strip()}
    assert (terms["learningResourceType"], terms["timeRequired"]) == ("lecture", "PT3600S")
    assert {each.metadataPrefix for each in harvester.list_metadata_formats()} == {"oai_dc", "lrmi"}
    assert harvester.identify().adminEmail == "library@box.test"


def test_a_list_that_changes_meanwhile_loses_nothing(
    shelf: Library, harvester: Scythe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oai, "BATCH", 3)
    lessons = [shelf.lesson(f"Lesson {number}", STARTED + number, course_id=None) for number in range(8)]
    found = []
    for number, record in enumerate(harvester.list_records(metadata_prefix="oai_dc")):
        found.append(record.metadata["title"][0])
        if number == 1:  # one that was told already becomes another
            shelf.catalog.editing.describe(IT, lessons[0], title="Told anew")
    assert found == [f"Lesson {number}" for number in range(8)] + ["Told anew"]
    assert len(list(harvester.list_identifiers(metadata_prefix="oai_dc"))) == 8
    with pytest.raises(BadResumptionToken):
        list(harvester.list_records(resumption_token="set%3Dx%26cursor%3D1"))


def test_what_is_open_no_more_is_told_as_gone(shelf: Library, harvester: Scythe) -> None:
    lessons = [shelf.lesson(title, course_id=None) for title in ("Withdrawn", "Of a course", "Trashed", "Stays")]
    assert len(titles(harvester)) == 4
    shelf.catalog.editing.publish(IT, lessons[0], "withdrawn")
    shelf.catalog.editing.assign(IT, lessons[1], shelf.course)
    shelf.catalog.retention.trash(IT, lessons[2])
    assert sorted(titles(harvester)) == ["Stays", "gone", "gone", "gone"]
    gone = harvester.get_record(identifier=f"oai:box.test:{lessons[0]}", metadata_prefix="oai_dc")
    assert gone.deleted
    shelf.catalog.editing.publish(IT, lessons[0], "published")
    assert sorted(titles(harvester)) == ["Stays", "Withdrawn", "gone", "gone"]


def test_harvesters_ask_for_a_stretch_of_time_and_hear_plainly_what_is_wrong(shelf: Library, harvester: Scythe) -> None:
    shelf.lesson("Optique", course_id=None)
    assert titles(harvester, from_="2020-01-01", until="2199-01-01") == ["Optique"]
    for asked in ({"until": "2020-01-01"}, {"from_": "2199-01-01"}):
        with pytest.raises(NoRecordsMatch):
            titles(harvester, **asked)
    with pytest.raises(IdDoesNotExist):
        harvester.get_record(identifier="oai:box.test:nothing", metadata_prefix="oai_dc")
    with pytest.raises(CannotDisseminateFormat):
        list(harvester.list_records(metadata_prefix="marc21"))
    with TestClient(shelf.server.app, base_url="http://box.test") as client:
        for query in ("", "verb=Steal", "verb=ListRecords", "verb=Identify&verb=Identify", "verb=Identify&a%00=%01"):
            answer = client.get(f"{URL}?{query}")
            assert (answer.status_code, b"<error code=" in answer.content) == (200, True), query
        for moment in ("2026-13-45", "yesterday", "2026-01-01T00:00", "99999-01-01"):
            answer = client.get(f"{URL}?verb=ListRecords&metadataPrefix=oai_dc&from={moment}")
            assert b'code="badArgument"' in answer.content, moment
        assert b"<Identify>" in client.post(URL, data={"verb": "Identify"}).content


def test_nothing_is_told_unless_somebody_turned_it_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    with library(tmp_path_factory.mktemp("no-oai") / "data") as closed, TestClient(closed.server.app) as client:
        assert client.get("http://testserver/api/v1/oai?verb=Identify").status_code == 404
