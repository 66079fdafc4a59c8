"""IT staff must be told what a machine lacks, in words and in a form for scripts."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from provisioning.cli import app
from provisioning.doctor import disk


def test_the_doctor_answers_scripts_in_json(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["doctor", "--json", "--folder", str(tmp_path)])
    findings = json.loads(answer.stdout)
    assert {"python", "packages", "disk", "cores"} <= {finding["code"] for finding in findings}
    assert {finding["level"] for finding in findings} <= {"ok", "warning", "error"}
    assert all(finding["detail"] for finding in findings)


def test_the_doctor_says_the_same_in_lines() -> None:
    answer = CliRunner().invoke(app, ["doctor"])
    assert "Python is" in answer.stdout


def test_the_packages_can_be_handed_to_apt() -> None:
    answer = CliRunner().invoke(app, ["packages", "--for", "run"])
    assert answer.exit_code == 0
    assert "ffmpeg" in answer.stdout.split()


def test_wrong_use_exits_with_2() -> None:
    assert CliRunner().invoke(app, ["packages", "--for", "fun"]).exit_code == 2


def test_a_folder_that_is_not_there_yet_is_no_error(tmp_path: Path) -> None:
    assert "are free" in disk(tmp_path / "not" / "yet").detail
