"""Data flows right, imports point left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def test_the_import_contracts_hold() -> None:
    lint = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


@pytest.mark.parametrize(
    "module",
    [
        "appliance.recorder.keeper",
        "provisioning.prepare",
        "provisioning.packages",
        "provisioning.slots",
        "media.lesson",
    ],
)
def test_what_must_start_bare_imports_only_the_standard_library(module: str) -> None:
    """The keeper must start in a few hundredths of a second; preparing runs before anything is installed."""
    ours = {"appliance", "media", "provisioning", "drivers", "lms_sync"}
    program = (
        f"import sys, {module}\n"
        f"foreign = {{name.partition('.')[0] for name in sys.modules}} - set(sys.stdlib_module_names) - {ours!r}\n"
        # -S leaves out site-packages; -I is not used, since the project's folder must be found.
        "print(sorted(name for name in foreign if not name.startswith('_')))"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (found.stdout.strip(), found.stderr) == ("[]", "")
