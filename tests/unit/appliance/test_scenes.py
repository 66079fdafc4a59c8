"""A scene that cannot work must be refused before a teacher meets a dark panel, with its line and a near name."""

from __future__ import annotations

import pytest

from appliance.config import parse
from appliance.errors import ConfigError

ROOM = """
[[panel]]
id = "display"
driver = "sim"
profile = "lg"
[[ptz]]
id = "turning"
driver = "sim"
[[indicator]]
id = "lamp"
driver = "sim"
[[camera]]
id = "front"
driver = "sim"
[[panel]]
id = "later"
driver = "not-made-yet"
"""


def mistakes(scene: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(ROOM + scene)
    return caught.value.detail.splitlines()


def test_a_room_without_scenes_leaves_its_panels_alone() -> None:
    assert parse(ROOM).tables.scenes.lesson == ()


def test_a_scene_is_read_and_shown_again() -> None:
    scene = '[scenes]\ngrace_seconds = 5\n[[scenes.lesson]]\ndevice = "display"\npower = "on"\ninput = "hdmi1"\n'
    room = parse(ROOM + scene)
    (step,) = room.tables.scenes.lesson
    assert [(order.action, order.value) for order in step.orders()] == [("power", "on"), ("input", "hdmi1")]
    assert [(order.action, order.value) for order in step.undoing()] == [("power", "off")]
    assert parse(room.dump()).tables.scenes == room.tables.scenes


def test_a_device_that_has_no_driver_yet_costs_only_itself() -> None:
    room = parse(ROOM + '[[scenes.lesson]]\ndevice = "later"\npower = "on"\n')
    assert room.tables.scenes.lesson[0].device == "later"


@pytest.mark.parametrize(
    ("step", "line", "said"),
    [
        ('device = "displai"\npower = "on"', 19, 'device: there is no device "displai" (did you mean "display"?)'),
        ('device = "front"\npower = "on"', 19, 'device: "front": a camera has no part in a scene; leave it out'),
        ('device = "lamp"', 19, 'device: "lamp": a lamp lights by itself; leave it out'),
        ('device = "display"', 19, "device: it says nothing to do"),
        ('device = "display"\nfreeze = "on"', 20, 'freeze: "display" knows no freeze, only blank, input'),
        ('device = "turning"\npower = "on"', 20, 'power: "turning" knows no power, only preset'),
        ('device = "turning"\npreset = "bord"', 20, 'preset: "turning" has no preset "bord" (did you mean "board"?)'),
        ('device = "display"\npowr = "on"', 20, 'powr: unknown key "powr" (did you mean "power"?)'),
        ('device = "display"\nvolume = 120', 20, 'volume: "volume" must be at most 100, not 120'),
        ('device = "display"\npower = "yes"', 20, "power: \"power\" must be 'on' or 'off', not \"yes\""),
        ('power = "on"', 18, 'device: the key "device" is missing'),
    ],
)
def test_what_no_device_can_do_is_refused_with_its_line(step: str, line: int, said: str) -> None:
    (mistake,) = mistakes(f"[[scenes.lesson]]\n{step}\n")
    assert mistake.startswith(f"line {line}, [[scenes.lesson]] number 1, {said}")


def test_scenes_to_touch_have_names_and_are_checked_like_the_lessons() -> None:
    room = parse(f'{ROOM}[[scenes.named.film]]\ndevice = "display"\ninput = "hdmi1"\n')
    assert list(room.tables.scenes.named) == ["film"]
    assert parse(room.dump()).tables.scenes == room.tables.scenes
    wrong = '[[scenes.named.film]]\ndevice = "display"\n{}\n[[scenes.named."no sound"]]\ndevice = "lamp"\n'
    assert mistakes(wrong.format('input = "hdmi1"')) == [
        'line 22, [[scenes.named.no sound]] number 1, device: "lamp": a lamp lights by itself; leave it out.'
    ]
    (mistake,) = mistakes(wrong.format('inptu = "hdmi1"'))
    assert mistake.startswith(
        'line 20, [[scenes.named.film]] number 1, inptu: unknown key "inptu" (did you mean "input"?)'
    )


def test_every_mistake_of_every_step_is_told_at_once() -> None:
    good = '[[scenes.lesson]]\ndevice = "turning"\npreset = "home"\n'
    bad = '[[scenes.lesson]]\ndevice = "turning"\npreset = "x"\n'
    places = [mistake.partition(", preset")[0] for mistake in mistakes(f"{bad}{good}{bad}[api]\nport = 0\n")]
    assert places == ["line 20, [[scenes.lesson]] number 1", "line 26, [[scenes.lesson]] number 3"]
