"""A teacher must never meet a sentence that is missing, half translated or older than its catalogue."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from kiosk_ui.compile import HERE, BadCatalogue, compiled, languages
from kiosk_ui.page import POLICY

STATIC = HERE / "static"
SCRIPTS = {
    str(path.relative_to(STATIC / "js")): path.read_text("utf-8") for path in sorted((STATIC / "js").rglob("*.js"))
}
CATALOGUES: dict[str, dict[str, Any]] = {
    language: json.loads((STATIC / "locale" / f"{language}.json").read_text("utf-8")) for language in languages()
}
MODES = re.findall(r'^  "?([a-z-]+)"?: "', SCRIPTS["mode.js"].split("SHAPE = ")[1].split("}")[0], re.MULTILINE)
FAMILIES = {
    "mode": MODES,
    "headline": MODES,
    "say": MODES,
    "kind": ["video", "audio"],
    "video": ["waiting", "lost", "stalled", "unknown"],
    "audio": ["lost", "stalled"],
    "state": ["heard", "idle", "starting", "recording", "stalled", "lost", "unknown"],
    "sound": ["none", "silent", "quiet", "good", "loud"],
    "health": [
        *("all-well", "no-sources", "disk-full", "disk-low", "source-lost", "source-lost.video", "source-lost.audio"),
        *("source-stalled", "source-stalled.video", "source-stalled.audio", "source-starting", "microphone-silent"),
        *("microphone-muted", "sound-clipped", "sound-hum", "sound-quiet", "picture-black", "picture-dark"),
        *("picture-covered", "picture-frozen", "picture-blurred", "speech-unrecorded", "unknown", "more"),
        *("scene", "timetable"),
        *("load-preview", "load-judge", "load-quality", "disk-quality", "muted", "lamp-lost"),
    ],
    "fixture": ["on", "off", "warming", "cooling", "unknown", "problem", "telling"],
    "scene": ["film", "slides", "board", "discussion", "dark"],
    "switch": ["mute", "blank", "freeze"],
    "tried": ["video", "audio"],
    "scenes": ["playing", "done"],
    "test": ["none", "good", "bad"],
    "place": ["board", "lectern", "class"],
    "deliveries": ["nowhere", "none", "all", "no_line", "going"],
    "tier": ["slidecast", "proxy", "master"],
    "delivery": ["there", "part", "waits", "refused"],
    "waits": ["paused-by-hours", "daily-budget", "monthly-budget", "metered", "kept-here"],
    "unkept": ["unreachable", "disk-full", "other"],
    "who": ["title", "hint", "is", "leave", "welcome"],
    "desk": ["it"],
    "it": [
        *("title", "hint", "over", "running", "devices", "network", "host", "addresses", "server", "contact", "none"),
        *("disk", "free", "check", "check.start", "check.busy", "check.well", "check.bad", "log"),
        *("export", "export.none", "export.start", "export.running", "export.done", "export.left", "export.failed"),
        *("restart", "restart.start", "restart.sure", "restart.really", "restart.done", "setup", "setup.start"),
    ],
    "setup": [
        *(
            f"{step}{hint}"
            for step in ("language", "name", "devices", "server", "pin", "summary")
            for hint in ("", ".hint")
        ),
        *("name.field", "server.address", "server.code", "devices.again", "devices.trouble"),
        *("devices.no-camera", "devices.no-microphone", "camera"),
        *(f"camera.{part}" for part in ("address", "user", "password", "add", "back")),
        *(f"trouble.camera-{code}" for code in ("login", "unreachable", "no-stream")),
        *(f"join.code-{code}" for code in ("used", "expired", "unknown", "other-room")),
        *(f"join.{code}" for code in ("unreachable", "not-a-server", "bad-address", "enrolled-elsewhere", "other")),
        *(f"refused.{code}" for code in ("unreachable", "bad-request", "disk-full", "lesson-on", "nothing-chosen")),
        *(f"refused.{code}" for code in ("no-pin", "unfit-pin", "cannot-write", "other")),
    ],
    "door": [
        *("wrong-pin", "wrong-pin.card", "must-wait", "no-pin", "no-pin.it", "disk-full", "not-found", "wrong-state"),
        *("lesson-on", "unreachable", "other"),
    ],
    "refused": [
        *("unreachable", "not-now", "cannot-record", "disk-full", "bad-request", "foreign-origin", "other"),
        *("device-trouble", "not-recording"),
    ],
}
"""Keys that the scripts put together: what stands before the point, and all that may stand behind it."""
PROBLEMS = "problem."
"""Drivers bring their own codes; one without a sentence falls back to the sentence of the source's state."""
FORMS = {
    "en": {"one", "other"},
    "fr": {"one", "other"},
    "ar": {"zero", "one", "two", "few", "many", "other"},
    "ur": {"one", "other"},
    "zh": {"other"},
}
LETTERS = {
    "en": r"[A-Za-z]",
    "fr": r"[A-Za-zÀ-ÿ]",
    "ar": r"[\u0621-\u064a]",
    "ur": r"[\u0621-\u06d3]",
    "zh": r"[\u4e00-\u9fff]",
}
LATIN = {"en", "fr"}


def asked_for() -> set[str]:
    """Every key that a script names outright, or that a family has."""
    text = "\n".join(SCRIPTS.values())
    outright = set(re.findall(r'\bt\(\s*"([^"]+)"', text))
    chosen = {key for pair in re.findall(r'\bt\([^`;]*?\? "([^"]+)" : "([^"]+)"', text) for key in pair}
    return outright | chosen | {f"{family}.{key}" for family, keys in FAMILIES.items() for key in keys}


def forms(sentence: str | dict[str, str]) -> list[str]:
    return [sentence] if isinstance(sentence, str) else list(sentence.values())


@pytest.mark.parametrize("language", languages())
def test_what_the_page_reads_is_what_translators_wrote(language: str) -> None:
    source = (HERE / "locale" / f"{language}.po").read_text("utf-8")
    written = (STATIC / "locale" / f"{language}.json").read_text("utf-8")
    assert compiled(language, source) == written, "run python -m kiosk_ui.compile"


@pytest.mark.parametrize("language", languages())
def test_every_sentence_is_there_and_none_is_idle(language: str) -> None:
    there = {key for key in CATALOGUES[language] if not key.startswith(PROBLEMS)}
    assert there == asked_for()


def test_every_language_has_the_same_sentences() -> None:
    keys = [set(catalogue) for catalogue in CATALOGUES.values()]
    assert all(mine == keys[0] for mine in keys)
    assert set(CATALOGUES) == {"en", "fr", "ar", "ur", "zh"}


def test_every_composed_key_is_of_a_family() -> None:
    prefixes = {prefix for text in SCRIPTS.values() for prefix in re.findall(r"[(\[ ]`([a-z]+)\.\$\{", text)} - {
        "problem"
    }
    assert prefixes <= set(FAMILIES)


@pytest.mark.parametrize("language", languages())
def test_every_plural_has_the_forms_of_its_language(language: str) -> None:
    for key, sentence in CATALOGUES[language].items():
        if isinstance(sentence, dict):
            assert set(sentence) == FORMS[language], key
            assert isinstance(CATALOGUES["en"][key], dict), key


@pytest.mark.parametrize("language", languages())
def test_sentences_are_translated_and_keep_what_is_put_into_them(language: str) -> None:
    for key, sentence in CATALOGUES[language].items():
        english = {name for form in forms(CATALOGUES["en"][key]) for name in re.findall(r"\{\w+\}", form)}
        for form in forms(sentence):
            names = set(re.findall(r"\{\w+\}", form))
            assert names <= english, key
            assert isinstance(sentence, dict) or names == english, key
            bare = re.sub(r"\{\w+\}", "", form)
            assert re.search(LETTERS[language], bare) or not re.search(r"\w", bare), key
            assert form == form.strip(), key
            if language not in LATIN:
                assert not re.search(r"[A-Za-z]{2}", bare), key
        if isinstance(sentence, dict):
            assert {"{n}"} & set(re.findall(r"\{\w+\}", sentence["other"])), key


def test_every_trouble_of_a_device_has_its_own_sentence() -> None:
    """A driver's code must come with a remedy in the teacher's language, not with the sentence for all cases."""
    raised = re.compile(r'\b(?:NotReady|AuthFailed|Unsupported|FeederError|Problem)\(\s*"([a-z-]+)"')
    rooms = [path for folder in ("drivers", "appliance") for path in (HERE.parent / folder).rglob("*.py")]
    codes = {code for path in rooms for code in raised.findall(path.read_text("utf-8"))}
    assert "camera-unreachable" in codes
    assert {code for code in codes if PROBLEMS + code not in CATALOGUES["en"]} == set()


def test_other_languages_are_not_english() -> None:
    same = {
        key
        for language in CATALOGUES
        for key, text in CATALOGUES[language].items()
        if language != "en" and text == CATALOGUES["en"][key]
    }
    assert same <= {"pause", "length.both", "under.gaps", "length.minutes", "scene.film", "scene.discussion"}


def test_no_jargon_is_on_the_panel() -> None:
    for language, catalogue in CATALOGUES.items():
        for key, sentence in catalogue.items():
            for form in forms(sentence):
                assert not re.search(r"sync|rtsp|daemon|socket|http", form, re.IGNORECASE), (language, key)


HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: {}\\n"\n\n'
TWO = "nplurals=2; plural=(n != 1);"


@pytest.mark.parametrize(
    ("rule", "entry", "sentence"),
    [
        ("nplurals=2; plural=(n > 2);", 'msgid "a"\nmsgstr "A"\n', "Plural-Forms"),
        (TWO, 'msgid "a"\nmsgstr ""\n', "a is not translated"),
        (TWO, '#, fuzzy\nmsgid "a"\nmsgstr "A"\n', "a is not translated"),
        (TWO, 'msgid "a"\nmsgid_plural "a"\nmsgstr[0] "A"\nmsgstr[1] ""\n', "a is not translated"),
    ],
)
def test_a_bad_catalogue_is_refused_with_a_sentence(rule: str, entry: str, sentence: str) -> None:
    with pytest.raises(BadCatalogue, match=sentence):
        compiled("en", HEAD.format(rule) + entry)


def test_the_panel_loads_fast_on_a_poor_machine() -> None:
    """The whole page's scripts, as they would travel: a fraction of one slide's picture. What sets a room up comes only
    when it is wanted."""
    first = [text for name, text in SCRIPTS.items() if not name.startswith("setup/")]
    assert len(first) < len(SCRIPTS)
    assert sum(len(gzip.compress(text.encode())) for text in first) < 60_000


def test_the_page_keeps_its_promises_to_the_browser() -> None:
    """No inline script or style, no address but its own, no side of the page called left or right."""
    page = (STATIC / "index.html").read_text("utf-8")
    assert "script-src 'self'; style-src 'self'" in POLICY.format(inline="")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    for file in served():
        text = file.read_text("utf-8")
        outside = set(re.findall(r"https?://[\w./-]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not outside, file.name
        if file.suffix == ".css":
            assert not re.search(r"(?:margin|padding|border|inset)-(?:left|right|top|bottom)\b", text), file.name
            assert not re.search(r"(?<![-\w])(?:left|right|width|height):", text), file.name
        if file.suffix == ".js":
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text), file.name


def served() -> list[Path]:
    return [path for path in sorted(STATIC.rglob("*")) if path.suffix in {".js", ".css", ".html", ".svg"}]
