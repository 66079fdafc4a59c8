"""How well the judge finds what is wrong with a take, on the labelled clips of tests/judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Figure
from tests.judge.score import false_alarms, judge_all, scores


def f1(folder: Path) -> Iterator[Figure]:
    """The mean over all verdicts of the harmonic mean of precision and recall, 1 at best; and alarms on good clips."""
    judged = judge_all()
    found = scores(judged)
    yield Figure("judge.f1", sum(score.f1 for score in found) / len(found), "1")
    yield Figure("judge.false_alarms", len(false_alarms(judged)), "clips")
