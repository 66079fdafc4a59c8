"""The simulated teacher's voice: espeak-ng through its public C API (speak_lib.h), one sentence at a time.

Licence remark: see ``drivers.microphone.sim``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from drivers.feeding import SAMPLE_RATE, FeederError

AUDIO_OUTPUT_SYNCHRONOUS = 2
CHARS_UTF8, EE_OK, RATE_PARAMETER = 1, 0, 1
WORDS_A_MINUTE = 150
SPEECH_RMS = 0.1
"""Of full scale: -20 dB, as a well-placed lectern microphone gives."""
PEAK = 0.85
PAUSE_SECONDS, PARAGRAPH_SECONDS = 0.35, 1.1

VOICES = {"en": "en", "fr": "fr", "ar": "ar"}
LECTURES: dict[str, tuple[tuple[str, ...], ...]] = {
    "en": (
        (
            "Good morning, everybody. Please take a seat.",
            "Today we look at forces, and at what they do to a body.",
            "Last week we saw that a body at rest stays at rest, unless a force acts on it.",
        ),
        (
            "Now imagine a block on a smooth slope.",
            "Which forces act on it? Its weight, straight down, and the push of the slope, at a right angle to it.",
            "Newton's second law says that the force equals the mass times the acceleration.",
            "So, if the mass is two kilograms, and the force is ten newtons, how large is the acceleration?",
        ),
        (
            "Think about it for a moment, and write it down.",
            "Five metres per second squared. Very good.",
            "And what happens if we double the mass?",
        ),
        (
            "Let us now solve an equation together: a x squared, plus b x, plus c, equals zero.",
            "First we look at the discriminant. If it is positive, there are two solutions.",
            "On the graph, these are the two points where the curve crosses the axis.",
        ),
    ),
    "fr": (
        (
            "Bonjour à toutes et à tous. Asseyez-vous, s'il vous plaît.",
            "Aujourd'hui, nous étudions les forces et leurs effets sur un corps.",
            "La semaine dernière, nous avons vu qu'un corps au repos reste au repos si aucune force n'agit sur lui.",
        ),
        (
            "Imaginons maintenant un bloc sur un plan incliné.",
            "Quelles sont les forces ? Son poids, vers le bas, et la réaction du plan, à angle droit.",
            "La deuxième loi de Newton dit que la force est égale à la masse multipliée par l'accélération.",
            "Si la masse est de deux kilogrammes et la force de dix newtons, quelle est l'accélération ?",
        ),
        (
            "Réfléchissez un instant, et notez votre réponse.",
            "Cinq mètres par seconde au carré. Très bien.",
            "Et que se passe-t-il si nous doublons la masse ?",
        ),
        (
            "Résolvons maintenant une équation du second degré.",
            "Regardons d'abord le discriminant. S'il est positif, il y a deux solutions.",
            "Sur la courbe, ce sont les deux points où elle coupe l'axe.",
        ),
    ),
    "ar": (
        (
            "صباح الخير جميعا. تفضلوا بالجلوس.",
            "ندرس اليوم القوى وأثرها في الأجسام.",
            "رأينا في الأسبوع الماضي أن الجسم الساكن يبقى ساكنا ما لم تؤثر فيه قوة.",
        ),
        (
            "لنتخيل الآن كتلة على سطح مائل.",
            "ما هي القوى التي تؤثر فيها؟ وزنها إلى الأسفل، ورد فعل السطح عموديا عليه.",
            "يقول قانون نيوتن الثاني إن القوة تساوي الكتلة مضروبة في التسارع.",
            "إذا كانت الكتلة كيلوغرامين، والقوة عشرة نيوتن، فما هو التسارع؟",
        ),
        (
            "فكروا قليلا، واكتبوا الجواب.",
            "خمسة أمتار في الثانية المربعة. أحسنتم.",
            "وماذا يحدث إذا ضاعفنا الكتلة؟",
        ),
        (
            "لنحل الآن معادلة من الدرجة الثانية.",
            "ننظر أولا إلى المميز. إذا كان موجبا فللمعادلة حلان.",
            "وهما على المنحنى النقطتان اللتان يقطع فيهما المحور.",
        ),
    ),
}

Floats = npt.NDArray[np.float32]
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Voice:
    """espeak-ng with one voice. Raises FeederError ``no-voice`` when it cannot be loaded."""

    def __init__(self, language: str) -> None:
        try:
            import espeakng_loader  # noqa: PLC0415 - loads a native library; only the simulator has it

            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except (ImportError, OSError, RuntimeError) as error:
            raise _no_voice(str(error)) from error
        self.rate = self._library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, str(data).encode(), 0)
        if self.rate <= 0 or self._library.espeak_SetVoiceByName(VOICES[language].encode()) != EE_OK:
            raise _no_voice(f"no voice for {language!r}")
        self._library.espeak_SetParameter(RATE_PARAMETER, WORDS_A_MINUTE, 0)
        self._heard: list[bytes] = []
        self._callback = _CALLBACK(self._hear)  # kept: the library calls it as long as it lives
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: int | None) -> int:
        if count > 0:
            self._heard.append(ctypes.string_at(samples, count * 2))
        return 0

    def say(self, text: str) -> Floats:
        """One sentence at the library's own rate, between -1 and 1."""
        self._heard.clear()
        words = text.encode() + b"\0"
        said = self._library.espeak_Synth(words, ctypes.c_size_t(len(words)), 0, 0, 0, CHARS_UTF8, None, None)
        if said != EE_OK:
            raise _no_voice(f"espeak-ng answers {said}")
        return np.frombuffer(b"".join(self._heard), "<i2").astype(np.float32) / np.float32(32768)


def _no_voice(why: str) -> FeederError:
    return FeederError("no-voice", f"The simulated voice cannot speak ({why}); set scene to beep or silence.")


def lecture(language: str) -> Iterator[bytes]:
    """The lecture from its beginning, for ever, sentence by sentence with pauses: s16le mono 48 kHz."""
    voice = Voice(language)
    chance = np.random.default_rng(4)
    while True:
        for paragraph in LECTURES[language]:
            for number, sentence in enumerate(paragraph, start=1):
                pause = PARAGRAPH_SECONDS if number == len(paragraph) else PAUSE_SECONDS
                yield _finish(_at_48k(voice.say(sentence), voice.rate), pause, chance)


def _at_48k(speech: Floats, rate: int) -> Floats:
    """Band-limited resampling of a whole sentence by its spectrum; it begins and ends in silence, so its ends meet."""
    if rate == SAMPLE_RATE or not len(speech):
        return speech
    block = rate // np.gcd(rate, SAMPLE_RATE)
    padded = np.pad(speech, (0, -len(speech) % block + block))
    wanted = len(padded) * SAMPLE_RATE // rate
    longer = np.fft.irfft(np.fft.rfft(padded), wanted) * (wanted / len(padded))
    return longer.astype(np.float32, copy=False)


def _finish(speech: Floats, pause: float, chance: np.random.Generator) -> bytes:
    """An even loudness, a breath of room noise under it, and a pause behind it."""
    spoken = speech[np.abs(speech) > 0.01]
    loudness = float(np.sqrt(np.mean(spoken**2))) if len(spoken) else 1.0
    peak = float(np.max(np.abs(speech), initial=1e-6))
    gain = min(SPEECH_RMS / loudness, PEAK / peak)
    whole = np.pad(speech * gain, (0, round(pause * SAMPLE_RATE)))
    whole += chance.normal(0, 0.0003, len(whole)).astype(np.float32)
    return (np.clip(whole, -1, 1) * 32767).astype("<i2").tobytes()
