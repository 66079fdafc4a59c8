"""How well the judge does on the labelled clips: ``python -m tests.judge.score`` writes the table of docs/judge.md."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.recorder.judge import measures
from appliance.recorder.judge.facts import GRAVITY
from appliance.recorder.judge.process import MEMORY
from appliance.recorder.judge.verdicts import PictureJudge, SoundJudge
from appliance.thresholds import JudgeTable
from tests.judge.clips import EVERY, RATE, Clip, clips

PAGE = Path(__file__).parents[2] / "docs" / "judge.md"
BEGIN, END = "<!-- the table -->\n", "<!-- end of the table -->\n"


@dataclass(frozen=True)
class Judged:
    clip: Clip
    said: frozenset[str]


def judge(clip: Clip, table: JudgeTable) -> Judged:
    """Everything that was said at some time of the clip."""
    said: set[str] = set()
    if clip.pictures is not None:
        eye, before = PictureJudge(table, known=clip.known), deque[measures.Grey](maxlen=MEMORY)
        for number, grey in enumerate(clip.pictures()):
            eye.see(number * EVERY, measures.picture(grey, before))
            before.append(grey)
            said |= eye.standing.keys()
    if clip.sound is not None:
        ear = SoundJudge(table)
        for number, second in enumerate(measures.sound(clip.sound(), RATE)):
            ear.hear(float(number), second)
            said |= ear.standing.keys()
    return Judged(clip, frozenset(said & set(GRAVITY)))


def judge_all() -> list[Judged]:
    table = JudgeTable()
    return [judge(clip, table) for clip in clips()]


@dataclass(frozen=True)
class Score:
    """Of one code: clips that have it, rightly said, wrongly said."""

    code: str
    there: int
    right: int
    wrong: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def scores(judged: Sequence[Judged]) -> list[Score]:
    return [
        Score(
            code,
            sum(code in each.clip.expected for each in judged),
            sum(code in each.clip.expected & each.said for each in judged),
            sum(code in each.said - each.clip.expected for each in judged),
        )
        for code in GRAVITY
    ]


def false_alarms(judged: Sequence[Judged]) -> list[tuple[str, list[str]]]:
    """Good clips of which something bad was said."""
    return [(each.clip.name, sorted(each.said)) for each in judged if not each.clip.expected and each.said]


def table(judged: Sequence[Judged]) -> str:
    """As Markdown."""
    other = {score.code: score for score in scores([each for each in judged if each.clip.half])}
    lines = [
        "| verdict | clips | precision | recall | precision, other half | recall, other half |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{s.code}` | {s.there} | {s.precision:.2f} | {s.recall:.2f} |"
        f" {other[s.code].precision:.2f} | {other[s.code].recall:.2f} |"
        for s in scores(judged)
    ]
    good = sum(not each.clip.expected for each in judged)
    lines += [
        "",
        f"{len(judged)} clips, {good} of them good; false alarms on good clips: {len(false_alarms(judged))}.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    judged = judge_all()
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + table(judged) + "\n" + END + rest.split(END)[1])
    for each in judged:
        if each.said != each.clip.expected:
            sys.stdout.write(f"{each.clip.name}: expected {sorted(each.clip.expected)}, said {sorted(each.said)}\n")


if __name__ == "__main__":
    main()
