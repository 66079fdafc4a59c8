"""A sound card's crystal is wrong, its reports jump, it loses blocks: the sound must stay where the picture is."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.microphone.timeline import Timeline

START = 100.0
LATE_ENOUGH = 3.5
"""Seconds after which the beginning must have been put right."""


def onsets(
    ppm: float, seconds: float, *, jitter: float = 0.005, hole: tuple[float, float] | None = None, rate: int = 48_000
) -> tuple[list[float], list[float], float]:
    """Instants of the beeps in the output, how far each is off the even second, and where the output ends against now.

    A device whose crystal is ppm off hears a beep at every even second and reports its blocks with some jitter.
    """
    chance = np.random.default_rng(1)
    timeline = Timeline(rate)
    true, size, number, out = rate * (1 + ppm * 1e-6), rate // 50, 0, bytearray()
    lost = False
    while number / true < seconds:
        time = START + (number + np.arange(size)) / true
        if hole and hole[0] <= time[0] - START < hole[0] + hole[1]:
            lost = True  # these samples are never delivered, and the device does not count them
            number += size
            continue
        sound = np.where(time % 2 < 0.1, 0.5 * np.sin(2 * np.pi * 1000 * (time % 2)), 0).astype(np.float32)
        out += timeline.add(sound, time[0] + chance.uniform(-jitter, jitter), lost=lost)
        lost = False
        number += size
    assert timeline.epoch is not None
    samples = np.frombuffer(bytes(out), "<i2")
    loud = np.flatnonzero(np.abs(samples) > 3000)
    first = loud[np.concatenate([[True], np.diff(loud) > 4800])]
    heard = timeline.epoch + first / 48_000
    off = (heard + 1) % 2 - 1
    settled = heard > START + LATE_ENOUGH
    return list(heard[settled]), list(off[settled]), timeline.epoch + len(samples) / 48_000 - (START + seconds)


@pytest.mark.parametrize("ppm", [0, 300, -300, 900])
def test_a_wrong_crystal_does_not_move_the_sound(ppm: float) -> None:
    heard, off, end = onsets(ppm, 90)
    assert len(heard) >= 40
    assert np.max(np.abs(off)) < 0.012
    assert np.max(np.abs(off[-10:])) < 0.004, "learnt after a minute"
    assert abs(end) < 0.025


def test_reports_that_jump_do_not_move_the_sound() -> None:
    _, off, _ = onsets(0, 40, jitter=0.015)
    assert np.max(np.abs(off)) < 0.015


def test_a_hole_is_filled_with_silence_of_its_length() -> None:
    _, off, end = onsets(0, 30, hole=(10.5, 0.7))
    after = off[-6:]
    assert np.max(np.abs(after)) < 0.012, "what comes after a hole is where it belongs"
    assert abs(end) < 0.025


def test_a_device_that_only_knows_44100_is_brought_to_48000() -> None:
    heard, off, _ = onsets(50, 30, rate=44_100)
    assert len(heard) >= 12
    assert np.max(np.abs(off)) < 0.008


def test_nothing_is_changed_while_the_clocks_agree() -> None:
    timeline = Timeline(48_000)
    sound = (np.sin(np.arange(48_000) / 7) * 0.5).astype(np.float32)
    out = b"".join(timeline.add(sound[n : n + 960], START + n / 48_000) for n in range(0, 48_000, 960))
    given = np.frombuffer(out, "<i2").astype(np.float32) / 32767
    assert timeline.epoch == pytest.approx(START)
    assert np.max(np.abs(given - sound[: len(given)])) < 2e-4
    assert len(given) > 47_900
