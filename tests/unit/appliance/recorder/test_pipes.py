"""If these fail, what only looks at a recording takes its processor or its memory."""

from __future__ import annotations

import os
import subprocess

from appliance.recorder.pipes import as_a_guest


def test_a_guest_gives_way_and_goes_first_when_memory_runs_out() -> None:
    command = ["sh", "-c", "nice; cat /proc/self/oom_score_adj"]
    done = subprocess.run(command, preexec_fn=as_a_guest, capture_output=True, text=True, check=True)
    assert [int(figure) for figure in done.stdout.split()] == [min(19, os.nice(0) + 10), 300]
