"""Answers of the room as text for people: columns that align, numbers one can feel."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appliance.finding import Finding

Answer = dict[str, Any]

_STATES = {
    "ready": "Ready",
    "starting": "Starting",
    "recording": "Recording",
    "paused": "Paused",
    "stopping": "Stopping",
    "cannot-record": "Cannot record",
}
_HEALTH = {
    "all-well": "All is well.",
    "no-sources": "No camera or microphone is set up; add one to room.toml.",
    "disk-full": "The disk is full; deliver or remove lessons.",
    "disk-low": "The disk is nearly full: room for {hours_left} hours.",
    "source-lost": "{label} does not deliver; is it on and connected?",
    "muted": "{label} says that nobody shall be heard: nothing is recorded until it is switched back.",
    "lamp-lost": "The lamp {label} does not answer, so it may show the wrong thing; is it on and connected?",
    "source-stalled": "{label} has stopped delivering; it is being tried again.",
    "source-starting": "{label} is starting.",
    "microphone-silent": "{label} is silent; is it switched on?",
    "microphone-muted": "{label} is muted; is it switched on, and its cable in?",
    "sound-clipped": "{label} is too loud and distorts; turn it down.",
    "sound-hum": "{label} hums at {hertz} Hz; check its cable.",
    "sound-quiet": "{label} is hard to hear; move closer, or turn it up.",
    "picture-black": "{label} shows only black; is its cap off, and the light on?",
    "picture-dark": "{label} sees too little; switch on the light.",
    "picture-covered": "Something covers {label}; take it away.",
    "picture-frozen": "The picture of {label} stands still; unplug it and plug it in again.",
    "picture-blurred": "{label} is out of focus; wipe its lens, and set its focus.",
    "load-preview": "The machine is very busy, so the panel shows no pictures; the recording goes on.",
    "load-judge": "The machine is very busy, so picture and sound are not judged; the recording goes on.",
    "load-quality": "The machine is too busy, so pictures are recorded in lower quality; see what else runs on it.",
    "disk-quality": "The disk runs short, so pictures are recorded smaller; deliver or remove lessons.",
    "scene": "{label} did not do what the lesson needs ({problem}); the recording goes on: appliance doctor.",
    "timetable": "The timetable is not followed ({problem}); see below.",
    "selftest": "The self-test found something wrong with {label} ({verdict}): appliance doctor.",
    "speech-unrecorded": "Somebody seems to be teaching at {label}, and nothing records: appliance start.",
}


def headline(status: Answer) -> str:
    """One line: what the room does."""
    lesson = status["lesson"]
    state = _STATES.get(status["state"], status["state"])
    if lesson is not None:
        title = f' "{lesson["title"]}"' if lesson["title"] else ""
        return f"{state}{title}, {duration(lesson['elapsed'])}, {_count(lesson['marks'], 'mark')}."
    if status.get("held_seconds"):
        state = f"{state}, listening (the last {status['held_seconds']} s are held in memory)"
    last = status["last"]
    if last is None:
        return f"{state}."
    title = f' "{last["title"]}"' if last["title"] else ""
    return f"{state}. Last lesson{title}, {duration(last['seconds'])}, kept{_way(last)}."


def _way(last: Answer) -> str:
    if last["receipted"]:
        return " and delivered"
    return f", {100 * last['sent'] // last['bytes']} % sent" if last["bytes"] else ""


def status(answer: Answer) -> str:
    """Everything on one screen."""
    health, disk, sync = answer["health"], answer["disk"], answer["sync"]
    rows = [
        [
            source["id"],
            source["kind"],
            source["state"],
            size(source["bytes"]),
            "" if source["peak_db"] is None else f"{source['peak_db']:.0f} dB",
            source["problem"]["detail"] if source["problem"] else "",
        ]
        for source in answer["sources"]
    ]
    lines = [
        f"{answer['room']['name']}: {headline(answer)}",
        _HEALTH.get(health["code"], health["code"]).format_map(_Facts(health["facts"])),
        "",
        table(["SOURCE", "KIND", "STATE", "BYTES", "PEAK", "PROBLEM"], rows),
        "",
        f"Disk: {size(disk['free_bytes'])} free, room for {disk['hours_left']:.0f} more hours.",
    ]
    lines += timetable(answer.get("timetable"))
    if sync["lessons_waiting"]:
        sent = f"{size(sync['bytes_sent'])} of {size(sync['bytes_total'])} sent"
        lines.append(f"On their way: {_count(sync['lessons_waiting'], 'lesson')}, {sent}.")
    if sync["server"]:
        contact = when(sync["last_contact"]) if sync["last_contact"] else "not yet"
        problem = f", now: {sync['problem']}" if sync["problem"] else ""
        lines.append(f"Server: {sync['server']}, last contact {contact}{problem}.")
    return "\n".join(lines)


def timetable(plan: Answer | None) -> list[str]:
    """What it will do, in a line or two."""
    if plan is None:
        return []
    said = [] if plan["follows"] else ["it is only shown, for [timetable] follow is false"]
    if plan["ends"] is not None:
        said.append(f"it began this lesson, and ends it at {when(plan['ends'])}")
    if plan["next"] is not None:
        title = f'"{plan["next"]["title"]}", ' if plan["next"]["title"] else ""
        said.append(f"next: {title}{when(plan['next']['begin'])}")
    lines = [f"Timetable: {'; '.join(said) or 'nothing in the days to come'}."]
    if plan["problem"] is not None:
        lines.append(f"Timetable: {plan['problem']['detail']}")
    return lines


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "something"


def devices(answer: Sequence[Answer]) -> str:
    rows = [
        [
            device["id"] or "(new)",
            device["kind"],
            device["driver"],
            _condition(device),
            device["title"],
            device["problem"]["detail"] if device["problem"] else _as_toml(device.get("config")),
        ]
        for device in answer
    ]
    if not rows:
        return "No devices: none in room.toml, none found."
    return table(["ID", "KIND", "DRIVER", "STATE", "TITLE", "NOTE"], rows)


def _condition(device: Answer) -> str:
    """What a panel says of itself, if it is willing."""
    if not device["healthy"]:
        return "not ready"
    said = device.get("state") or {}
    return ", ".join(str(said[key]) for key in ("power", "input") if key in said) or "ready"


def _as_toml(config: Answer | None) -> str:
    return "  ".join(f"{key} = {value!r}" for key, value in (config or {}).items())


def lessons(answer: Sequence[Answer]) -> str:
    rows = [
        [
            lesson["id"],
            when(lesson["started"]) if lesson["started"] else "",
            duration(lesson["seconds"]),
            lesson["state"],
            size(sum(asset["bytes"] for asset in lesson["assets"])),
            _sent(lesson),
            str(len(lesson["gaps"])),
            lesson["title"],
        ]
        for lesson in answer
    ]
    if not rows:
        return "No lessons yet."
    return table(["LESSON", "STARTED", "LENGTH", "STATE", "SIZE", "SENT", "GAPS", "TITLE"], rows)


def _sent(lesson: Answer) -> str:
    assets = lesson["assets"]
    if lesson.get("kept_here"):
        return "kept here"
    if assets and all(asset["receipted"] for asset in assets):
        return "all, freed here" if any(asset["removed"] for asset in assets) else "all"
    total = sum(asset["bytes"] for asset in assets)
    return f"{100 * sum(asset['sent'] for asset in assets) // total} %" if total else "0 %"


def doctor(findings: Sequence[Finding]) -> str:
    marks = {"ok": "ok", "warning": "look", "error": "BAD"}
    rows = [[marks[finding.level], finding.what, finding.fact] for finding in findings]
    lines = table(["", "WHAT", "FOUND"], rows).splitlines()[1:]
    out = []
    for line, finding in zip(lines, findings, strict=True):
        out.append(line)
        if finding.level != "ok":
            out.append(f"      {finding.why}")
        if finding.advice:
            out.append(f"      -> {finding.advice}")
    return "\n".join(out)


# -- pieces


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    every = [head, *rows]
    widths = [max(width(row[column]) for row in every) for column in range(len(head))]
    lines = []
    for row in every:
        cells = [cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def width(text: str) -> int:
    """Columns of a terminal: marks above letters take none, wide letters two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in {"B", "kB"} else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def when(unix: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(unix))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
