"""Every sentence of the portal in every language, and figures as each of them writes them."""

from __future__ import annotations

import io
import re
from datetime import UTC, timedelta, timezone
from importlib import resources

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from starlette.requests import Request

from lms_server import portal
from lms_server.portal.language import LANGUAGES, Tongue, Tongues, accepted, clock

TONGUES = Tongues(UTC)
FORMS = {"en": 2, "fr": 2, "ar": 6}
_PLACE = re.compile(r"%\((\w+)\)|<[^>]+>")


def written() -> dict[str | tuple[str, ...], None]:
    """Every sentence that the pages and sentences ask for."""
    options = {"**.html": {"extensions": "jinja2.ext.i18n", "trim_blocks": "1", "lstrip_blocks": "1"}}
    found = extract_from_dir(
        portal.__path__[0], [("**.py", "python"), ("**.html", "jinja2.ext.babel_extract")], options
    )
    return {message: None for _, _, message, _, _ in found}


def source(code: str) -> Catalog:
    body = resources.files("lms_server.portal").joinpath("locale", f"{code}.po").read_bytes()
    return read_po(io.BytesIO(body), locale=LANGUAGES[code][1], abort_invalid=True)


def tongue(code: str, accept: str = "") -> Tongue:
    scope = {
        "type": "http",
        "query_string": f"lang={code}".encode(),
        "headers": [(b"accept-language", accept.encode())],
    }
    return TONGUES.of(Request(scope))


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_reader_meets_a_sentence_of_another_language(code: str) -> None:
    assert {message.id for message in source(code) if message.id} == set(written())


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_plural_form_is_there_and_names_the_same_figures(code: str) -> None:
    for message in source(code):
        if not message.id:
            continue
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert len(forms) == (FORMS[code] if message.pluralizable else 1), message.id
        assert all(form.strip() for form in forms), message.id
        assert not message.fuzzy, message.id
        known = set(_PLACE.findall(" ".join(message.id) if isinstance(message.id, tuple) else message.id))
        for form in forms:
            assert set(_PLACE.findall(form)) <= known, (message.id, form)
        assert set(_PLACE.findall(forms[-1])) == known, message.id


def test_arabic_counts_in_its_six_ways() -> None:
    arabic = tongue("ar")
    said = [
        arabic.ngettext("%(number)d gap", "%(number)d gaps", number) for number in (0, 1, 2, 3, 10, 11, 99, 100, 103)
    ]
    assert said == ["لا انقطاع", "انقطاع واحد", "انقطاعان"] + ["%(number)d انقطاعات"] * 2 + [
        "%(number)d انقطاعًا",
        "%(number)d انقطاعًا",
        "%(number)d انقطاع",
        "%(number)d انقطاعات",
    ]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("de, ar-MR;q=0.5", "ar"),
        ("de", "en"),
        ("fr;q=0, ar;q=0.1", "ar"),
        ("en;q=0.1, fr;q=0.2", "fr"),
        ("*", "en"),
        (";;q=x,,\x00", "en"),
    ],
)
def test_the_browsers_wish_is_read(header: str, code: str) -> None:
    assert accepted(header) == code


def test_an_unknown_language_falls_back_to_the_browsers() -> None:
    assert tongue("xx", "ar").code == "ar"
    assert tongue("ar").direction == "rtl"
    assert tongue("fr").direction == "ltr"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", ["214 MB", "3.5 MB", "1.8 GB"]),
        ("fr", ["214\u202fMo", "3,5\u202fMo", "1,8\u202fGo"]),
        ("ar", ["214 م.ب", "3.5 م.ب", "1.8 غ.ب"]),
    ],
)
def test_sizes_are_what_people_say(code: str, said: list[str]) -> None:
    assert [tongue(code).size(count) for count in (214_000_000, 3_456_000, 1_830_000_000)] == said


def test_lengths_are_what_people_say() -> None:
    english = tongue("en")
    assert [english.duration(seconds) for seconds in (0, 48.2, 59.7, 61, 3570, 5340)] == [
        "0 s",
        "48 s",
        "1 min",
        "1 min",
        "1 h 00 min",
        "1 h 29 min",
    ]
    assert tongue("ar").duration(5340) == "1 س 29 د"
    assert [clock(at) for at in (-1, 7.9, 247, 3723)] == ["0:00", "0:07", "4:07", "1:02:03"]


def test_times_are_on_the_wall_clock_of_the_house() -> None:
    east = Tongues(timezone(timedelta(hours=3)))
    french = east.of(Request({"type": "http", "query_string": b"lang=fr", "headers": []}))
    assert french.day(1_795_255_320.0) == "sam. 21 nov. 2026"
    assert french.hour(1_795_255_320.0) == "13:02"
    assert french.iso(1_795_255_320.0) == "2026-11-21T13:02:00+03:00"


@pytest.mark.parametrize("lie", [-1e14, 1e14, float("inf"), float("nan")])
def test_a_room_whose_clock_lies_wildly_still_has_a_page(lie: float) -> None:
    assert tongue("en").day(lie)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (2, "ثانيتين"),
        (4, "4 ثوان"),
        (120, "دقيقتين"),
        (7200, "ساعتين"),
        (3 * 3600, "3 ساعات"),
        (2 * 86400, "يومين"),
        (14 * 86400, "أسبوعين"),
        (60 * 86400, "شهرين"),
        (730 * 86400, "سنتين"),
    ],
)
def test_two_hours_of_silence_are_said_as_arabic_says_them(seconds: float, said: str) -> None:
    assert tongue("ar").span(seconds) == said
