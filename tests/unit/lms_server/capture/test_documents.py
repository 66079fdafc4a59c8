"""XML that was made to harm is refused in a sentence."""

from __future__ import annotations

import pytest

from lms_server.capture import documents
from lms_server.catalog.tables import PackageFileRow, PackageRow
from lms_server.errors import BadRequest

PACKAGE = '<mediapackage xmlns="http://mediapackage.opencastproject.org" id="{id}"/>'
LAUGHS = (
    '<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    '<mediapackage id="&c;">&c;</mediapackage>'
)
BAD = {
    "entities": LAUGHS,
    "external entity": '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><mediapackage id="1">&x;</mediapackage>',
    "external dtd": '<!DOCTYPE m SYSTEM "http://127.0.0.1:9/x.dtd"><mediapackage id="1"/>',
    "parameter entity": '<!DOCTYPE m [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]><mediapackage id="1"/>',
    "deep": '<mediapackage id="1">' + "<a>" * 200_000,
    "cut off": '<mediapackage id="1"><media>',
    "no xml": "hello",
    "empty": "",
    "nul": '<mediapackage id="1">\0</mediapackage>',
    "unknown encoding": '<?xml version="1.0" encoding="klingon"?><mediapackage id="1"/>',
    "another document": "<html/>",
    "no id": "<mediapackage/>",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_bad_xml_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        documents.package_id(text)
    assert refused.value.detail.endswith(".")
    assert "\n" not in refused.value.detail


def test_a_package_goes_out_and_comes_back() -> None:
    row = PackageRow(id="p-1", agent="a", lesson_id="", title="Été & <fin>", made=0.0, touched=0.0)
    file = PackageFileRow(
        id=7,
        package_id="p-1",
        kind="track",
        flavor="presenter/source",
        source="presenter",
        path="presenter/original.mkv",
        staged="x",
        bytes=3,
        sha256="ab",
    )
    text = documents.package(row, [file])
    assert documents.package_id(text) == "p-1"
    assert documents.parts_of(text) == [documents.Part("track", "presenter/source", "presenter/original.mkv")]


def test_dublin_core_says_title_teacher_and_when() -> None:
    text = documents.episode("Maths  2", "Amina", "pearl-a", 1_795_953_600.0, 1_795_957_200.0)
    assert documents.described(text) == documents.Described("Maths 2", "Amina", "", 1_795_953_600.0)
    assert (
        documents.described("<dublincore><created>2026-11-29T12:00:00Z</created></dublincore>").started
        == 1_795_953_600.0
    )
    assert documents.described("<dublincore><created>yesterday</created></dublincore>").started is None


def test_capabilities_come_as_java_writes_them_or_as_json() -> None:
    java = (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        '<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd">\n'
        '<properties version="1.0"><comment/><entry key="capture.device.names">camera,slides</entry></properties>'
    )
    assert documents.properties(java) == {"capture.device.names": "camera,slides"}
    assert documents.properties('{"capture.device.names": "camera"}') == {"capture.device.names": "camera"}
    assert documents.properties(documents.configuration({"a": "<b>"}).decode()) == {"a": "<b>"}
    for bad in ("{", '{"a": "\\ud800"}', '<!DOCTYPE properties SYSTEM "x" [<!ENTITY a "b">]><properties/>'):
        with pytest.raises(BadRequest):
            documents.properties(bad)
