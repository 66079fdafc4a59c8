"""A floor under the number of tests: tests that silently stop being collected are tests lost.

It holds for a whole run (``pytest`` without arguments, as ``make test`` does it). Raise it when tests are added.
"""

from __future__ import annotations

from collections import Counter

import pytest

FLOOR = {"architecture": 50, "browser": 180, "contract": 960, "judge": 5, "system": 180, "unit": 2690}
"""Tests at least, by the folder under tests/."""


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    chosen = session.config.option
    whole = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if not whole or chosen.keyword or not chosen.markexpr.endswith("not soak"):
        return
    found = Counter(item.nodeid.split("/")[1] for item in items)
    lost = [f"{folder} {found[folder]} < {floor}" for folder, floor in FLOOR.items() if found[folder] < floor]
    if lost:
        raise pytest.UsageError(f"Fewer tests were found than there were once: {', '.join(lost)}.")
