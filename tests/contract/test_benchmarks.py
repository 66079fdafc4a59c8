"""The benchmarks' own measuring: a figure that leaves a process out is worse than none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import Figure, Run, ending, medians, wait_until
from benchmarks.shaped import NotShaped, echoes, shaped

BURN = "import time\nbegan = time.process_time()\nwhile time.process_time() - began < 0.3: pass\n"
REST = "import time\nprint('burnt', flush=True)\ntime.sleep(60)\n"
ORPHAN = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BURN + REST!r}], start_new_session=True)"
PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\n{REST}"


def test_a_process_that_outlives_its_parent_is_counted(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    assert run.start([sys.executable, "-c", ORPHAN], log).wait(30) == 0
    wait_until(lambda: log.exists() and "burnt" in log.read_text(), 30, "the burning")
    (pid,) = run.pids()
    try:
        assert 0.3 <= run.cpu() <= 1.5
        assert 1 <= run.rss() <= 100
    finally:
        subprocess.run(["kill", str(pid)], check=True)
    wait_until(lambda: not run.pids(), 10, "its end")
    assert run.cpu() == 0


def test_a_child_that_has_ended_is_counted(tmp_path: Path) -> None:
    run, log = Run(), tmp_path / "log"
    with ending(run.start([sys.executable, "-c", PARENT], log)):
        wait_until(lambda: "burnt" in log.read_text(), 30, "the child's end")
        assert run.cpu() >= 0.3


def test_a_line_has_the_form_that_scripts_rely_on() -> None:
    line = json.loads(Figure("recorder.copy.1", 0.0151234, "core-s/s", "ffmpeg -c copy", 0.01).line())
    assert line == {
        "bench": "recorder.copy.1",
        "value": 0.01512,
        "unit": "core-s/s",
        "peer": "ffmpeg -c copy",
        "peer_value": 0.01,
        "ratio": 1.512,
    }
    alone = json.loads(Figure("daemon.ready", 0.9, "s").line())
    assert (alone["peer"], alone["peer_value"], alone["ratio"]) == (None, None, None)


def test_ours_and_the_peer_s_are_measured_in_turn() -> None:
    order: list[str] = []

    def measure(name: str, values: list[float]) -> float:
        order.append(name)
        return values.pop()

    ours, peers = [1.0, 9.0, 2.0], [5.0, 5.0, 4.0]
    assert medians("x", 3, lambda: measure("ours", ours), lambda: measure("peer", peers)) == [2.0, 5.0]
    assert order == ["ours", "peer"] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can shape a link")
def test_a_shaped_link_is_in_networks_of_its_own_and_leaves_nothing() -> None:
    """Else a benchmark would slow down, or leave behind in, the network of whoever runs it."""
    network = Path("/proc/thread-self/ns/net")
    home, devices = network.readlink(), sorted(os.listdir("/sys/class/net"))
    try:
        with shaped(4000) as link:
            assert network.readlink() != home
            asked = subprocess.run(
                [*link.room, "readlink", "/proc/self/ns/net"], capture_output=True, text=True, check=True
            )
            rooms = asked.stdout.strip()
            assert rooms not in {str(home), str(network.readlink())}
            assert len(echoes(link, 0.5)) >= 1
            raise InterruptedError
    except NotShaped as error:
        pytest.skip(str(error))
    except InterruptedError:
        pass
    assert network.readlink() == home
    assert sorted(os.listdir("/sys/class/net")) == devices
    assert not [found for found in Path("/proc").glob("[0-9]*/ns/net") if _target(found) == rooms]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""  # it ended, or is the kernel's


@pytest.mark.parametrize("only", ["no.such", "recorder.copy.2"])
def test_a_benchmark_that_is_not_there_is_said_in_one_sentence(only: str) -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", only], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"There is no benchmark {only}; there are start.simulated, ")
