"""The languages of the portal: one catalogue each, and how numbers, times and sizes read in them.

``locale/<language>.po`` are the sources, compiled in memory when the server starts. A new language is one more file
and one more line in LANGUAGES.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import resources
from typing import Any

from babel import Locale, UnknownLocaleError, dates, lists, numbers, units
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request

LANGUAGES = {"en": ("English", "en_GB"), "fr": ("Français", "fr"), "ar": ("العربية", "ar")}
"""Code: its own name for itself, and the locale whose dates and numbers it uses. The first is the fallback."""
DIGITS = {ord(digit): str(value) for value, digit in enumerate("٠١٢٣٤٥٦٧٨٩")}
"""For ``str.translate``: figures as they are typed on an Arabic keyboard."""
COOKIE = "lang"
COOKIE_SECONDS = 365 * 86400
_TWO, _OF_TWO = "ان", "ين"
"""How two of a thing end in Arabic, and how they do after a preposition."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language: ``gettext`` and ``ngettext`` for the words, the rest for figures. zone: the clock on the wall;
    None is the server's own."""

    code: str
    name: str
    locale: Locale
    words: Translations
    zone: tzinfo | None

    @property
    def direction(self) -> str:
        return "rtl" if self.locale.character_order == "right-to-left" else "ltr"

    def gettext(self, text: str) -> str:
        return self.words.ugettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.words.ungettext(one, many, number)

    def local(self, unix: float) -> datetime:
        """The wall clock at an instant. A clock that lied beyond what a calendar holds shows its beginning."""
        try:
            return datetime.fromtimestamp(unix, UTC).astimezone(self.zone)
        except (OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(0, UTC).astimezone(self.zone)

    def number(self, value: int) -> str:
        return numbers.format_decimal(value, locale=self.locale)

    def tenths(self, value: float) -> str:
        return numbers.format_decimal(value, format="0.0", locale=self.locale)

    def decimal(self, value: float) -> str:
        return numbers.format_decimal(value, locale=self.locale)

    def language(self, code: str) -> str:
        """What a language is called in this one; its code where nobody knows."""
        try:
            return Locale.parse(code, sep="-").get_display_name(self.locale) or code
        except (UnknownLocaleError, ValueError):
            return code

    def size(self, count: int) -> str:
        """214 MB · 214 Mo · 214 م.ب: decimal, as disks and mobile plans count."""
        value, name = float(count), "byte"
        for name in ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte"):
            if value < 999.5 or name == "terabyte":
                break
            value /= 1000
        form = "#,##0.#" if name in ("gigabyte", "terabyte") or (name == "megabyte" and value < 9.95) else "#,##0"
        return units.format_unit(value, f"digital-{name}", length="short", format=form, locale=self.locale)

    def duration(self, seconds: float) -> str:
        """1 h 29 min; under an hour 29 min, under a minute 29 s."""
        whole = max(0, round(seconds))
        if whole < 60:
            return self.gettext("%(seconds)d s") % {"seconds": whole}
        hours, minutes = divmod(round(whole / 60), 60)
        if not hours:
            return self.gettext("%(minutes)d min") % {"minutes": minutes}
        return self.gettext("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": minutes}

    def day(self, unix: float) -> str:
        """Tue 17 Nov 2026."""
        return dates.format_skeleton("yMMMEd", self.local(unix), locale=self.locale)

    def weekday(self, number: int) -> str:
        """Mon; number: from 0, Monday."""
        return str(dates.get_day_names("abbreviated", context="stand-alone", locale=self.locale)[number])

    def full_day(self, unix: float) -> str:
        return dates.format_date(self.local(unix), "full", locale=self.locale)

    def percent(self, part: float) -> str:
        """42% · 42 % · ٤٢٪, rounded down: 100 is said when it is done. part: 0 to 1."""
        return numbers.format_percent(int(part * 100) / 100, locale=self.locale)

    def hour(self, unix: float) -> str:
        """10:02, on a clock of 24 hours."""
        return dates.format_skeleton("Hm", self.local(unix), locale=self.locale)

    def iso(self, unix: float) -> str:
        return self.local(unix).isoformat(timespec="seconds")

    def ago(self, seconds: float) -> str:
        """3 minutes ago · il y a 3 minutes · قبل 3 دقائق."""
        return dates.format_timedelta(timedelta(seconds=-max(1.0, seconds)), add_direction=True, locale=self.locale)

    def names(self, names: Sequence[str]) -> str:
        """front, board and lectern."""
        return lists.format_list([isolated(name) for name in names], locale=self.locale)

    def plain_list(self, parts: Sequence[str]) -> str:
        """Sentences' parts as one: a, b and c."""
        return lists.format_list(list(parts), locale=self.locale)

    def span(self, seconds: float) -> str:
        """3 days · 3 jours · 3 أيام, in words, as they stand after a preposition: every sentence has one there."""
        told = dates.format_timedelta(timedelta(seconds=max(1.0, seconds)), locale=self.locale)
        if self.locale.language == "ar" and told.endswith(_TWO) and told.isalpha():
            return told.removesuffix(_TWO) + _OF_TWO  # CLDR has no cases: ساعتان, but منذ ساعتين
        return told


def isolated(text: str) -> str:
    """A name inside a sentence that may run the other way (Unicode's first strong isolate)."""
    return f"\u2068{text}\u2069"


def clock(seconds: float) -> str:
    """A place on a recording: 4:07, 1:02:03. The same in every language, left to right."""
    whole = max(0, int(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def exact_clock(seconds: float) -> str:
    """The same with tenths where there are some: 4:07.5."""
    tenths = round(seconds * 10) % 10
    return f"{clock(round(seconds, 1))}.{tenths}" if tenths else clock(round(seconds, 1))


class Tongues:
    """All languages, each with its Jinja environment. Raises ValueError for a catalogue that cannot be read."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._all = {
            code: Tongue(code, name, Locale.parse(locale), catalogue(code), zone)
            for code, (name, locale) in LANGUAGES.items()
        }
        self._pages = {code: _environment(tongue) for code, tongue in self._all.items()}

    def of(self, request: Request) -> Tongue:
        """What this reader reads: ?lang=, else the cookie, else Accept-Language, else the first."""
        for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
            if wish in self._all:
                return self._all[wish]
        return self._all[accepted(request.headers.get("accept-language", ""))]

    def named(self, code: str) -> Tongue:
        """code: one of LANGUAGES."""
        return self._all[code]

    def render(self, tongue: Tongue, template: str, **facts: Any) -> str:
        return self._pages[tongue.code].get_template(template).render(facts)


def accepted(header: str) -> str:
    """The best of LANGUAGES for an Accept-Language header (RFC 9110, 12.5.4)."""
    wishes: list[tuple[float, str]] = []
    for part in header[:1000].split(","):
        tag, _, parameter = part.partition(";")
        match = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameter)
        quality = float(match[1]) if match else 1.0
        if quality > 0:
            wishes.append((quality, tag.strip().split("-")[0].lower()))
    known = [(quality, code) for quality, code in wishes if code in LANGUAGES]
    return max(known, key=lambda wish: wish[0])[1] if known else next(iter(LANGUAGES))


def catalogue(code: str) -> Translations:
    """The compiled words of one language."""
    source = resources.files(__package__).joinpath("locale", f"{code}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale=LANGUAGES[code][1], abort_invalid=True))
    compiled.seek(0)
    return Translations(compiled)


def _environment(tongue: Tongue) -> Environment:
    pages = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    pages.install_gettext_callables(tongue.gettext, tongue.ngettext, newstyle=True)  # type: ignore[attr-defined]  # put there by the i18n extension
    pages.globals.update(tongue=tongue, languages=LANGUAGES, clock=clock, exact_clock=exact_clock)
    pages.filters.update(
        size=tongue.size,
        duration=tongue.duration,
        day=tongue.day,
        full_day=tongue.full_day,
        hour=tongue.hour,
        iso=tongue.iso,
        number=tongue.number,
        decimal=tongue.decimal,
        json=json.dumps,
    )
    return pages
