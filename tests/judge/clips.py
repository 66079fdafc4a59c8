"""Short labelled clips, made for the purpose and from real footage, for the judge of takes.

Pictures are kept as the judge sees them: 320×180 in grey, one every two seconds (a keyframe), after a camera's noise
and its lossy coding. Sound is mono at 16 kHz. Everything comes from fixed seeds.

Real footage: vtest.avi, Megamind.avi and photographs from Debian's package opencv-doc, in ``FOOTAGE``; clips from it
are left out where it is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.recorder.judge.measures import Grey, Samples, as_grey
from drivers.camera import sim_slides
from drivers.camera.sim_frame import HEIGHT as SIM_HEIGHT
from drivers.camera.sim_frame import LUMA
from drivers.camera.sim_frame import WIDTH as SIM_WIDTH
from drivers.camera.sim_teacher import Teacher
from drivers.microphone.sim_voice import Voice

FOOTAGE = Path("/usr/share/doc/opencv-doc/examples/data")
RATE = 16_000
EVERY = 2.0
COUNT = 16
"""Pictures of a clip: half a minute."""
SECONDS = 18
"""Length of a clip with sound."""
WIDTH, HEIGHT = 640, 360
"""Of the picture that the camera codes."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """expected: the codes that must be said at some time; empty for a good clip. half: thresholds were chosen on the
    clips of half 0 only."""

    name: str
    expected: frozenset[str]
    pictures: Callable[[], list[Grey]] | None = None
    sound: Callable[[], Samples] | None = None
    half: int = 0
    known: bool = False
    """An earlier lesson has proved the camera's sensor."""


# -- pictures


@cache
def teacher(second: float = 12.0) -> Image:
    """The simulated teacher and the board, colour."""
    scene = Teacher(5)
    data = bytearray()
    for number in range(0, round(second * 5), 5):
        data = scene.picture(number)
    return _colour(data)


def _colour(data: bytearray) -> Image:
    planes = np.frombuffer(bytes(data), np.uint8).reshape(SIM_HEIGHT * 3 // 2, SIM_WIDTH)
    assert planes.size == LUMA * 3 // 2
    return np.asarray(cv2.resize(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), (WIDTH, HEIGHT)), np.uint8)


@cache
def slide(number: int, points: int = 4) -> Image:
    image = sim_slides.draw(sim_slides.SLIDES[number % len(sim_slides.SLIDES)], number + 1, points)
    return np.asarray(cv2.resize(np.asarray(image)[:, :, ::-1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))


@cache
def photo(name: str) -> Image:
    image = cv2.imread(str(FOOTAGE / name))
    assert image is not None, name
    return np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


@cache
def film(name: str, first: int, step: int) -> tuple[Image, ...]:
    """COUNT pictures of a film, one every ``step`` frames."""
    video = cv2.VideoCapture(str(FOOTAGE / name))
    found: list[Image] = []
    for number in range(first + step * COUNT):
        good, image = video.read()
        if not good:
            break
        if number >= first and (number - first) % step == 0:
            found.append(np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8))
    video.release()
    while len(found) < COUNT:
        found.append(found[len(found) % max(1, len(found) // 2)])
    return tuple(found)


def text(lines: list[str], *, paper: tuple[int, int, int], ink: tuple[int, int, int], scale: float = 0.8) -> Image:
    image = np.full((HEIGHT, WIDTH, 3), paper, np.uint8)
    for row, line in enumerate(lines):
        cv2.putText(image, line, (50, 90 + 45 * row), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 2, cv2.LINE_AA)
    return image


def light(image: Image, share: float, lift: float = 0.0) -> Image:
    return np.asarray(np.clip(image.astype(np.float32) * share + lift, 0, 255), np.uint8)


def blurred(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def hand(tint: tuple[int, int, int], seed: int) -> Image:
    """What a hand, a cap or a cloth right before the lens looks like: a soft slope of one colour."""
    chance = np.random.default_rng(seed)
    rough = chance.normal(0, 1, (3, 4, 1)).astype(np.float32)
    slope = cv2.resize(rough, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)[:, :, None]
    slope = cv2.GaussianBlur(slope, (0, 0), 60)[:, :, None]
    return np.asarray(np.clip(np.asarray(tint, np.float32) * (1 + 0.25 * slope), 0, 255), np.uint8)


def camera(
    images: list[Image] | tuple[Image, ...], *, noise: float = 2.5, quality: int | Sequence[int] = 70, seed: int = 1
) -> list[Grey]:
    """As a camera delivers it: with its sensor's noise (standard deviation in grey), coded with loss."""
    chance = np.random.default_rng(seed)
    out = []
    for number, image in enumerate(images):
        fine = quality if isinstance(quality, int) else quality[number % len(quality)]
        grain = chance.normal(0, noise, image.shape).astype(np.float32) if noise else 0.0
        seen = np.asarray(np.clip(image.astype(np.float32) + grain, 0, 255), np.uint8)
        done, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, fine])
        assert done
        out.append(as_grey(cv2.imdecode(data, cv2.IMREAD_COLOR)))
    return out


def still(image: Image, count: int = COUNT) -> list[Image]:
    return [image] * count


def frozen(moving: list[Grey], at: int, wobble: int = 0) -> list[Grey]:
    """The last picture over and over. wobble: the encoder's own changes, in single points."""
    chance = np.random.default_rng(3)
    out = moving[:at]
    for _ in range(at, COUNT + 4):
        copy = moving[at - 1].copy()
        for y, x in zip(chance.integers(0, 180, wobble), chance.integers(0, 320, wobble), strict=True):
            copy[y, x] = min(255, int(copy[y, x]) + 1)
        out.append(copy)
    return out


# -- sound


@cache
def _spoken(language: str) -> Samples:
    voice = Voice(language)
    words = {
        "en": "Good morning everybody. Today we look at forces, and at what they do to a body at rest. "
        "Imagine a mass on a slope. Which forces act on it? Its weight, and the force of the surface. "
        "Now write down your answer, and compare it with your neighbour's.",
        "fr": "Bonjour à tous. Nous étudions aujourd'hui les forces et leur effet sur un corps au repos. "
        "Imaginez une masse sur un plan incliné. Quelles forces agissent sur elle ? Notez votre réponse.",
        "ar": "صباح الخير جميعا. ندرس اليوم القوى وأثرها في الأجسام. "
        "لنتخيل الآن كتلة على سطح مائل. ما هي القوى التي تؤثر فيها؟",
    }[language]
    pieces = [
        np.concatenate([voice.say(each), np.zeros(voice.rate // 2, np.float32)])
        for each in words.split(".")
        if each.strip()
    ]
    said = np.concatenate(pieces)
    at = np.arange(SECONDS * RATE) * voice.rate / RATE
    said = np.interp(at % (len(said) - 1), np.arange(len(said)), said).astype(np.float32)
    return np.asarray(said / np.abs(said).max(), np.float32)


def speech(language: str = "en", peak_db: float = -9.0) -> Samples:
    return np.asarray(_spoken(language) * 10 ** (peak_db / 20), np.float32)


def hiss(rms_db: float, seed: int = 5, colour: float = 0.0) -> Samples:
    """Noise; colour: 0 white, near 1 the rumble of a fan."""
    noise = np.random.default_rng(seed).normal(0, 1, SECONDS * RATE)
    if colour:
        spectrum = np.fft.rfft(noise)
        spectrum /= np.maximum(1, np.arange(len(spectrum)) / (100 * SECONDS)) ** colour
        noise = np.fft.irfft(spectrum, len(noise))
    return np.asarray(noise / noise.std() * 10 ** (rms_db / 20), np.float32)


def hum(hertz: float, rms_db: float, harmonics: int = 5) -> Samples:
    at = np.arange(SECONDS * RATE) / RATE
    tone = sum(np.sin(2 * np.pi * hertz * k * at + k) / k for k in range(1, harmonics + 1))
    return np.asarray(tone / np.std(tone) * 10 ** (rms_db / 20), np.float32)


def reverb(samples: Samples, seconds: float = 0.4) -> Samples:
    chance = np.random.default_rng(9)
    length = round(seconds * RATE)
    tail = chance.normal(0, 1, length) * np.exp(-6.9 * np.arange(length) / length) * 0.05
    tail[0] = 1.0
    size = 1 << (len(samples) + length).bit_length()
    return np.asarray(
        np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)[: len(samples)], np.float32
    )


def cut(samples: Samples, gain: float, at: float = 1.0) -> Samples:
    """Too loud by ``gain``, and cut off flat."""
    return np.asarray(np.clip(samples * gain, -at, at), np.float32)


def with_pause(samples: Samples, begin: float, end: float, room_db: float = -58.0) -> Samples:
    out = samples.copy()
    out[round(begin * RATE) : round(end * RATE)] = 0
    return np.asarray(out + hiss(room_db), np.float32)


def knocks(count: int) -> Samples:
    out = np.zeros(SECONDS * RATE, np.float32)
    for number in range(count):
        at = round((2 + number * 5) * RATE)
        out[at : at + 800] = np.sign(np.sin(np.arange(800) / 9)) * np.exp(-np.arange(800) / 300)
    return out


# -- the set


def clips() -> list[Clip]:
    """All of them; every second one is of the half on which no threshold was chosen."""
    every = [*_good_pictures(), *_bad_pictures(), *_good_sounds(), *_bad_sounds()]
    split = [Clip(c.name, c.expected, c.pictures, c.sound, number % 2, c.known) for number, c in enumerate(every)]
    return [*split, *(Clip(c.name, c.expected, c.pictures, c.sound, 1, c.known) for c in (*_late(), *_known()))]


def _see(name: str, pictures: Callable[[], list[Grey]], *expected: str) -> Clip:
    return Clip(name, frozenset(expected), pictures=pictures)


def _hear(name: str, sound: Callable[[], Samples], *expected: str) -> Clip:
    return Clip(name, frozenset(expected), sound=sound)


def _moving() -> list[Image]:
    return [np.roll(teacher(), 6 * n, axis=1) if n % 2 else teacher() for n in range(COUNT)]


def _lamp() -> Image:
    """A dark room with a projection."""
    image = light(teacher(), 0.12)
    image[40:220, 180:460] = cv2.resize(slide(0), (280, 180))
    return image


def _whiteboard(lines: int) -> Image:
    image = np.full((HEIGHT, WIDTH, 3), (206, 210, 212), np.uint8)
    image = light(image, 1.0) if lines else image
    cv2.rectangle(image, (0, 0), (WIDTH, 24), (150, 152, 150), -1)
    for row in range(lines):
        cv2.putText(
            image, "F = m a   E = m v^2 / 2", (60, 90 + 60 * row), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1, (90, 40, 20), 2
        )
    return image


def _wall() -> Image:
    """Nothing but a wall with a socket and the corner of a door."""
    image = light(np.full((HEIGHT, WIDTH, 3), (150, 160, 165), np.uint8), 1.0)
    image[:, 560:] = (80, 100, 120)
    cv2.rectangle(image, (100, 280), (124, 304), (230, 230, 230), -1)
    return image


def _good_pictures() -> Iterator[Clip]:
    real = (FOOTAGE / "vtest.avi").exists()
    yield _see("a teacher who moves", lambda: camera(_moving()))
    yield _see("a teacher who stands still", lambda: camera(still(teacher())))
    yield _see("a teacher who stands still, fine sensor", lambda: camera(still(teacher()), noise=1.5, quality=85))
    yield _see("a teacher, dim light", lambda: camera(still(light(teacher(), 0.5)), noise=4))
    yield _see("a teacher, evening light, noisy", lambda: camera(still(light(teacher(), 0.4)), noise=7))
    yield _see("a teacher, bright light", lambda: camera(still(light(teacher(), 1.3, 10))))
    yield _see("a dark room with a projection", lambda: camera(still(_lamp()), noise=5))
    yield _see("a static slide", lambda: camera(still(slide(0)), noise=0))
    yield _see("a static slide that a camera films", lambda: camera(still(slide(1))))
    yield _see("slides that change", lambda: camera([slide(n // 4) for n in range(COUNT)], noise=0))
    yield _see("an empty white slide", lambda: camera(still(text([], paper=(255, 255, 255), ink=(0, 0, 0))), noise=0))
    yield _see("an empty blue slide", lambda: camera(still(text([], paper=(120, 40, 10), ink=(0, 0, 0))), noise=0))
    dark = lambda *lines: text(list(lines), paper=(0, 0, 0), ink=(240, 240, 240))  # noqa: E731 - three uses below
    yield _see("white words on black", lambda: camera(still(dark("Chapter 2", "Forces")), noise=0))
    yield _see("a terminal", lambda: camera(still(dark(*["$ make test", "ok"] * 3)), noise=0))
    yield _see("a slide through black", lambda: camera([slide(0)] * 6 + [dark()] * 2 + [slide(1)] * 8, noise=0))
    yield _see("a whiteboard", lambda: camera(still(_whiteboard(3))))
    yield _see("an almost empty whiteboard", lambda: camera(still(_whiteboard(1)), noise=1.8))
    yield _see("a wall with a socket", lambda: camera(still(_wall())))
    yield _see("somebody walks by", lambda: camera([*still(teacher(), 7), hand((40, 50, 90), 2), *still(teacher(), 8)]))
    yield _see(
        "the lens focuses anew",
        lambda: camera([*still(teacher(), 6), *still(blurred(teacher(), 12), 3), *still(teacher(), 7)]),
    )
    yield _see(
        "the light goes off for six seconds",
        lambda: camera([*still(teacher(), 6), *still(light(teacher(), 0.06), 3), *still(teacher(), 7)]),
    )
    if real:
        yield _see("a street", lambda: camera(film("vtest.avi", 0, 20), noise=1.5))
        yield _see("a street, later", lambda: camera(film("vtest.avi", 400, 20), noise=1.5))
        yield _see(
            "a street at dusk", lambda: camera([light(each, 0.5) for each in film("vtest.avi", 200, 20)], noise=4)
        )
        yield _see("a film on the screen", lambda: camera(film("Megamind.avi", 0, 15), noise=0))
        for name in ("messi5.jpg", "home.jpg", "fruits.jpg", "building.jpg", "basketball1.png", "left01.jpg"):
            yield _see(f"a photograph, {name}", lambda name=name: camera(still(photo(name)), noise=0))
        yield _see("a photograph that a camera films", lambda: camera(still(photo("home.jpg"))))
        yield _see(
            "a film, then a static slide",
            lambda: camera([*film("vtest.avi", 0, 20)[:5], *still(slide(2), 12)], noise=0),
        )


def _bad_pictures() -> Iterator[Clip]:
    real = (FOOTAGE / "vtest.avi").exists()
    night = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    yield _see("no picture signal", lambda: camera(still(night), noise=0), "picture-black")
    yield _see("a lens cap", lambda: camera(still(night), noise=2), "picture-black")
    yield _see("a lens cap, noisy sensor", lambda: camera(still(light(night, 1, 3)), noise=5), "picture-black")
    yield _see("the camera goes black", lambda: camera([*still(teacher(), 6), *still(night, 10)]), "picture-black")
    yield _see("light under the door", lambda: camera(still(light(teacher(), 0.02)), noise=2), "picture-black")
    yield _see("a dark room", lambda: camera(still(light(teacher(), 0.12)), noise=4), "picture-dark")
    yield _see("a dark room, noisy", lambda: camera(still(light(teacher(), 0.16)), noise=8), "picture-dark")
    yield _see(
        "the light goes off",
        lambda: camera([*still(teacher(), 4), *still(light(teacher(), 0.1), 12)], noise=3),
        "picture-dark",
    )
    yield _see("a dark room with an exit sign", lambda: camera(still(_sign()), noise=4), "picture-dark")
    for number, tint in enumerate([(30, 40, 110), (60, 60, 70), (90, 110, 150), (20, 25, 60), (110, 105, 100)]):
        yield _see(
            f"covered, {number + 1}",
            lambda tint=tint, number=number: camera(still(hand(tint, number)), noise=2 + number / 2),
            "picture-covered",
        )
    yield _see(
        "covered in the middle of it",
        lambda: camera([*still(teacher(), 6), *still(hand((50, 60, 120), 8), 10)]),
        "picture-covered",
    )
    for at, noise in ((5, 2.5), (6, 1.5), (7, 4.0)):
        yield _see(
            f"frozen, noise {noise}",
            lambda at=at, noise=noise: frozen(camera(still(teacher()), noise=noise), at),
            "picture-frozen",
        )
    yield _see("frozen, coded anew", lambda: frozen(camera(still(teacher())), 6, wobble=600), "picture-frozen")
    yield _see(
        "frozen in dim light",
        lambda: frozen(camera(still(light(teacher(), 0.45)), noise=4), 5, wobble=100),
        "picture-frozen",
    )
    for sigma in (8.0, 11.0, 15.0):
        yield _see(
            f"out of focus, {sigma:.0f}",
            lambda sigma=sigma: camera(still(blurred(teacher(), sigma))),
            "picture-blurred",
        )
    yield _see("slides out of focus", lambda: camera(still(blurred(slide(0), 9))), "picture-blurred")
    if real:
        yield _see(
            "a street, frozen", lambda: frozen(camera(film("vtest.avi", 100, 20), noise=1.5), 6), "picture-frozen"
        )
        yield _see(
            "a street, out of focus",
            lambda: camera([blurred(each, 9) for each in film("vtest.avi", 0, 20)]),
            "picture-blurred",
        )
        yield _see(
            "a photograph, out of focus", lambda: camera(still(blurred(photo("home.jpg"), 10))), "picture-blurred"
        )
        yield _see(
            "a street at night",
            lambda: camera([light(each, 0.14) for each in film("vtest.avi", 0, 20)], noise=3),
            "picture-dark",
        )


def _late() -> Iterator[Clip]:
    """Made after the last threshold was chosen."""
    real = (FOOTAGE / "vtest.avi").exists()
    yield _see("late: a teacher, warm light", lambda: camera(still(light(teacher(4.0), 0.7, 5)), noise=3, seed=31))
    yield _see(
        "late: a slide with one word", lambda: camera(still(text(["Forces"], paper=(250, 250, 250), ink=(0, 0, 0))))
    )
    yield _see("late: a grey wall with a switch", lambda: camera(still(light(_wall(), 0.6)), noise=3, seed=32))
    yield _see("late: covered by a sleeve", lambda: camera(still(hand((70, 50, 45), 41)), seed=33), "picture-covered")
    yield _see("late: covered by paper", lambda: camera(still(hand((140, 150, 150), 42)), seed=34), "picture-covered")
    yield _see("late: out of focus", lambda: camera(still(blurred(teacher(4.0), 10)), seed=35), "picture-blurred")
    yield _see("late: dark", lambda: camera(still(light(teacher(4.0), 0.13)), noise=5, seed=36), "picture-dark")
    yield _see("late: frozen", lambda: frozen(camera(still(teacher(4.0)), seed=37), 6, 300), "picture-frozen")
    if real:
        turns = (60, 75, 68)
        yield _see(
            "late: a photograph, coded by turns", lambda: camera(still(photo("home.jpg")), noise=0, quality=turns)
        )
        yield _see(
            "late: a film, then a photograph",
            lambda: camera([*film("Megamind.avi", 0, 15)[:7], *still(photo("fruits.jpg"), 10)], noise=0, quality=turns),
        )
        yield _see("late: a film", lambda: camera(film("Megamind.avi", 30, 14), noise=2, seed=38))
        yield _see("late: a board", lambda: camera(still(photo("board.jpg")), seed=39))
        yield _see(
            "late: a street, frozen", lambda: frozen(camera(film("vtest.avi", 300, 20), seed=40), 7), "picture-frozen"
        )
    yield _hear("late: a voice in a hall", lambda: reverb(speech("en", -12), 0.9) + hiss(-55, 21, 0.5))
    yield _hear("late: a voice and a trace of hum", lambda: speech("fr", -14) + hum(50, -70) + hiss(-60, 22))
    yield _hear("late: hum in a voice", lambda: speech("ar", -14) + hum(50, -46, 7) + hiss(-58, 23), "sound-hum")
    yield _hear("late: far away", lambda: reverb(speech("fr", -40)) + hiss(-78, 24), "sound-quiet")
    yield _hear("late: cut off", lambda: cut(speech("fr", -2) + hiss(-50, 25), 3.5, 0.97), "sound-clipped")


def _known() -> Iterator[Clip]:
    """From cameras whose sensor an earlier lesson has proved. Judged once, after the rule was made."""

    def see(name: str, pictures: Callable[[], list[Grey]], *expected: str) -> Clip:
        return Clip(f"known: {name}", frozenset(expected), pictures=pictures, known=True)

    real = (FOOTAGE / "vtest.avi").exists()
    yield see("a teacher who stands still", lambda: camera(still(teacher()), seed=51))
    yield see("a fine sensor", lambda: camera(still(teacher()), noise=1.5, quality=85, seed=52))
    yield see("an empty room, well lit", lambda: camera(still(light(_wall(), 1.2)), noise=1.8, seed=53))
    yield see("an almost empty whiteboard", lambda: camera(still(_whiteboard(1)), noise=1.8, seed=54))
    yield see("a slide that it films", lambda: camera(still(slide(3)), seed=55))
    yield see("a noisy evening", lambda: camera(still(light(teacher(), 0.4)), noise=7, seed=56))
    yield see("slides in its place", lambda: camera([slide(n // 4) for n in range(COUNT)], noise=0))
    yield see("frozen from the first picture", lambda: frozen(camera(still(teacher()), seed=57), 1), "picture-frozen")
    yield see(
        "frozen from the first, coded anew", lambda: frozen(camera(still(teacher()), seed=58), 1, 600), "picture-frozen"
    )
    yield see(
        "an empty room, frozen from the first",
        lambda: frozen(camera(still(light(_wall(), 1.2)), noise=1.8, seed=59), 1, 300),
        "picture-frozen",
    )
    for name, image, noise in (
        ("a noisy evening", light(teacher(), 0.4), 7.0),
        ("dim light", light(teacher(4.0), 0.5), 4.0),
        ("a slide that it films", slide(3), 2.5),
    ):
        yield see(
            f"{name}, frozen from the first",
            lambda image=image, noise=noise: frozen(camera(still(image), noise=noise, seed=62), 1, 300),
            "picture-frozen",
        )
    if real:
        yield see("a street", lambda: camera(film("vtest.avi", 200, 20), seed=60))
        yield see(
            "a street, frozen from the first",
            lambda: frozen(camera(film("vtest.avi", 200, 20), seed=61), 1, 200),
            "picture-frozen",
        )


def _sign() -> Image:
    image = light(teacher(), 0.1)
    cv2.rectangle(image, (560, 30), (600, 50), (80, 220, 80), -1)
    return image


def _good_sounds() -> Iterator[Clip]:
    for language in ("en", "fr", "ar"):
        yield _hear(f"a voice, {language}", lambda language=language: speech(language) + hiss(-62))
    yield _hear("a voice in a fan's noise", lambda: speech() + hiss(-42, colour=0.7))
    yield _hear("a voice with reverb", lambda: reverb(speech("fr")) + hiss(-60))
    yield _hear("a low voice", lambda: speech("en", -24) + hiss(-66))
    yield _hear("a low voice in noise", lambda: speech("ar", -24) + hiss(-52, colour=0.5))
    yield _hear("a loud voice", lambda: speech("en", -0.8) + hiss(-60))
    yield _hear("a loud voice, French", lambda: speech("fr", -0.3))
    yield _hear("a pause of six seconds", lambda: with_pause(speech(), 6, 12))
    yield _hear("a quiet room", lambda: hiss(-56, colour=0.5))
    yield _hear("a fan alone", lambda: hiss(-40, colour=1.0))
    yield _hear("knocks that overload", lambda: speech() + knocks(3))
    yield _hear("a trace of hum", lambda: speech() + hum(50, -75) + hiss(-66))
    yield _hear("hum below a fan", lambda: speech("ar") + hum(50, -62) + hiss(-46, colour=0.7))


def _bad_sounds() -> Iterator[Clip]:
    zero = np.zeros(SECONDS * RATE, np.float32)
    yield _hear("a muted microphone", lambda: zero, "microphone-muted")
    yield _hear(
        "muted in mid-sentence", lambda: np.concatenate([speech()[: 6 * RATE], zero[: 12 * RATE]]), "microphone-muted"
    )
    yield _hear("a dead cable", lambda: hiss(-85), "microphone-silent")
    yield _hear("a microphone switched off", lambda: hiss(-72), "microphone-silent")
    yield _hear(
        "silent after a while",
        lambda: np.concatenate([speech("fr")[: 5 * RATE], hiss(-75)[: 13 * RATE]]),
        "microphone-silent",
    )
    for gain in (3.0, 5.0, 9.0):
        yield _hear(f"cut off, {gain:.0f} times", lambda gain=gain: cut(speech("en", -1), gain), "sound-clipped")
    yield _hear("cut off with noise", lambda: cut(speech("ar", -1) + hiss(-40), 4), "sound-clipped")
    yield _hear("cut off below the top", lambda: cut(reverb(speech("fr", -1)), 4, 0.93), "sound-clipped")
    yield _hear("hum of 50 Hz", lambda: hum(50, -40) + hiss(-66), "sound-hum")
    yield _hear("hum of 60 Hz", lambda: hum(60, -45) + hiss(-66), "sound-hum")
    yield _hear("a voice with hum of 50 Hz", lambda: speech() + hum(50, -42) + hiss(-66), "sound-hum")
    yield _hear("a voice with hum of 60 Hz", lambda: speech("fr") + hum(60, -45) + hiss(-64), "sound-hum")
    yield _hear("a voice with the hum's second tone", lambda: speech("ar") + hum(100, -45, 3) + hiss(-64), "sound-hum")
    for peak in (-36.0, -40.0, -44.0):
        yield _hear(
            f"a voice far away, {peak:.0f}", lambda peak=peak: speech("en", peak) + hiss(peak - 36), "sound-quiet"
        )
