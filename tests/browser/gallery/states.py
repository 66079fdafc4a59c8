"""The states in which the gallery shows each component of the panel."""

from __future__ import annotations

from typing import Any

from tests.browser.room_peer import (
    STARTED,
    Status,
    delivery,
    fixture,
    furnished,
    kept,
    paused,
    planned,
    ready,
    recording,
    source,
)
from tests.browser.setup_peer import CANDIDATES, STATE

LESSON = recording()["lesson"]["id"]
LONG = "Introduction à la résistance des matériaux, septième séance: flexion simple et moments fléchissants"
State = dict[str, Any]


def of(status: Status, **more: Any) -> State:
    """link: ``open`` if it is not said; kept: the lesson whose end the page has seen; given: what no status says."""
    return {"status": status, **more}


def health(code: str, level: str, **facts: Any) -> Status:
    return recording(health={"code": code, "level": level, "facts": facts})


def sources(*states: str) -> Status:
    cameras = [source(f"camera{n}", "camera", f"Camera {n}", state=state) for n, state in enumerate(states, start=1)]
    ears = [source(f"mic{n}", "microphone", f"Microphone {n}", state=state) for n, state in enumerate(states, start=1)]
    return recording() | {"sources": [*cameras, *ears]}


def tested(**wrong: str) -> Status:
    return ready() | {"selftest": {"at": STARTED, "sources": 3, "wrong": wrong}}


def projectors(*powers: str | None) -> Status:
    can = ["power", "input", "volume", "mute", "freeze", "blank"]
    told = {"can": can, "inputs": ["hdmi1", "vga"]}
    return ready() | {
        "fixtures": [
            fixture(f"p{n}", "panel", f"Projector {n}", **told, power=power, input="vga", volume=60, mute=True)
            for n, power in enumerate(powers, start=1)
        ]
    }


def troubled(**trouble: Any) -> Status:
    refuses = {"code": "panel-refuses", "detail": "", "facts": {}}
    room = furnished(ready())
    room["fixtures"][0] |= {"untold": refuses}
    room["fixtures"][2] |= {"telling": True}
    return room | trouble


def scene(**how: Any) -> Status:
    room = furnished(ready())
    room["scenes"][1] |= how
    return room


CHOSEN = STATE | {"language": "en", "name": "Amphi A", "devices": CANDIDATES}
"""Of a room that is being set up."""
READY, RECORDING = of(ready()), of(recording())
STATES: dict[str, dict[str, State]] = {
    "strip": {
        "ready": READY,
        "listening": of(ready() | {"held_seconds": 20}),
        "recording": RECORDING,
        "paused": of(paused()),
        "lost": of(recording(), link="lost"),
    },
    "title": {
        "before": READY,
        "planned": of(planned(ready())),
        "recording": RECORDING,
        "long": of(recording(title=LONG)),
        "kept": of(kept(), kept=LESSON),
    },
    "plan": {
        "next": of(planned(ready())),
        "ending soon": of(planned(recording(), lesson=LESSON, ends=STARTED + 600)),
    },
    "button": {
        "start": of(ready(), given={"kind": "primary start", "shape": "record", "word": "start"}),
        "start, busy": of(
            ready(), given={"kind": "primary start", "shape": "record", "word": "start", "aria-busy": "true"}
        ),
        "start, unable": of(
            ready(), given={"kind": "primary start", "shape": "record", "word": "start", "aria-disabled": "true"}
        ),
        "next": of(ready(), given={"kind": "primary next", "shape": "ready", "word": "next"}),
        "pause": of(ready(), given={"kind": "side pause", "shape": "pause", "word": "pause"}),
        "resume": of(ready(), given={"kind": "side pause", "shape": "resume", "word": "resume", "data-inviting": ""}),
        "undo": of(ready(), given={"kind": "side pause", "shape": "resume", "word": "undo"}),
        "mark": of(ready(), given={"kind": "side mark", "shape": "mark", "word": "mark"}),
        "marked": of(ready(), given={"kind": "side mark", "shape": "check", "word": "mark.done", "data-done": ""}),
    },
    "stop": {
        "idle": of(recording(), given={}),
        "armed": of(recording(), given={"state": "armed"}),
        "stopping": of(recording(), given={"busy": True}),
    },
    "sentence": {
        "well": READY,
        "tested": of(tested()),
        "started by the timetable": of(planned(recording(), lesson=LESSON)),
        "listening": of(ready() | {"held_seconds": 20}),
        "warning": of(health("microphone-silent", "warning", source="lectern")),
        "error": of(health("no-sources", "error")),
        "waking": of(ready() | {"state": "starting"}),
        "not sure": of(recording(), link="doubt"),
        "lost": of(ready(), link="lost"),
        "lost in a lesson": of(recording(), link="lost"),
        "ended": of(paused() | {"state": "stopping", "undo_seconds": 28}),
        "kept, on its way": of(kept(), kept=LESSON),
        "kept, delivered": of(kept(receipted=True), kept=LESSON),
    },
    "sources": {
        "each state": of(sources("idle", "recording", "stalled", "lost")),
        "not sure": of(recording(), link="doubt"),
    },
    "meter": {
        word: of(ready(), given={"rms": rms, "peak": peak, "word": f"sound.{word}"})
        for word, rms, peak in (("silent", -60, -58), ("quiet", -45, -40), ("good", -24, -15), ("loud", -6, 0))
    },
    "fixtures": {"each kind": of(furnished(ready())), "not sure": of(furnished(ready()), link="lost")},
    "facts": {
        "ready": of(ready() | {"last": kept()["last"]}),
        "little room": of(ready() | {"disk": ready()["disk"] | {"hours_left": 1.5}}),
        "no line": of(ready() | {"sync": ready()["sync"] | {"problem": "unreachable"}}),
        "no server": of(ready() | {"sync": ready()["sync"] | {"server": None}}),
        "making": of(ready() | {"making": {"lesson": LESSON, "done": 1, "of": 3}}),
    },
    "languages": {"open": READY},
    "equipment": {
        "in order": of(furnished(ready())),
        "being told, and refused": of(troubled()),
        "not sure": of(furnished(ready()), link="doubt"),
        "on, off, warming, unknown": of(projectors("on", "off", "warming", None)),
        "changing places": of(furnished(ready()), given={"changing": True}),
        "a scene is set": of(scene(playing=True)),
        "a scene is done": of(scene(done=True)),
        "a scene is done in part": of(scene(done=True, untold=["Projector"])),
    },
    "rehearsal": {
        "running": of(ready() | {"testing": True}),
        "in order": of(tested()),
        "found something": of(tested(lectern="microphone-silent", front="picture-black")),
        "not made": READY,
    },
    "pin": {
        "empty": of(ready(), given={}),
        "wrong": of(ready(), given={"said": "door.wrong-pin"}),
        "being asked": of(ready(), given={"busy": True}),
    },
    "keyboard": {
        "letters": of(ready(), given={}),
        "large letters": of(ready(), given={"layout": "fr", "large": True}),
        "signs": of(ready(), given={"signs": True}),
    },
    "technicians": {"idle": READY, "in a lesson": RECORDING, "with trouble": of(health("no-sources", "error"))},
    "setup": {
        step: of(ready(), given={"at": at, "state": CHOSEN})
        for at, step in enumerate(("language", "name", "devices", "server", "PIN", "summary"))
    },
    "deliveries": {"each state": READY},
}
WAY: Status = {
    "done_by": STARTED + 7200,
    "lessons": [
        delivery("Analyse II", {"receipted": True}, {"receipted": True}, {"sent": 20_000_000}, {}),
        delivery("الإحصاء والاحتمالات", {"receipted": True}, {"refused": True}, {"waiting_for": "daily-budget"}, {})
        | {"kept_here": True},
    ],
    "older": 3,
}
