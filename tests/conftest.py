"""For all tests. How long an example takes says how busy the machine is, not whether the product is right."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

if TYPE_CHECKING:
    from tests.peers.postgresql import PostgreSQL
    from tests.peers.seaweedfs import SeaweedFS

settings.register_profile("house", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=5)  # make check; make test tries a hundred of each
settings.load_profile("house")


gc.set_threshold(100_000, 20, 50)  # what four thousand tests are made of stays, and need not be looked through
HERE = Path(__file__).resolve().parent
LONGEST_FIRST = ("system", "browser", "contract", "judge", "architecture", "unit")
"""Folders under tests/, so that what is left at the end of a run is short and keeps every processor at work."""
LONG = (
    "system/test_packages.py",
    "system/test_judge.py",
    "system/test_sync.py",
    "contract/test_tus_client.py",
    "system/test_make_run.py",
    "contract/test_delivery_in_any_order.py",
    "browser/test_setup.py",
    "browser/test_kiosk_fit.py",
    "browser/test_story.py",
    "contract/test_compose.py",
    "contract/test_tus_npm.py",
)
"""Files of a minute and more, which go before all others: one that began last would be waited for alone."""


FLOOR = {"architecture": 55, "browser": 201, "contract": 988, "judge": 5, "system": 212, "unit": 2881}
"""Tests at least, by the folder under tests/: tests that silently stop being collected are tests lost. It holds for
each folder that is run as a whole, as ``make test`` and ``make check`` run them. Raise it when tests are added."""


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    _count(session.config, items)
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, int]:
    file = item.nodeid.partition("::")[0].removeprefix("tests/")
    return LONG.index(file) if file in LONG else len(LONG), LONGEST_FIRST.index(file.split("/")[0])


def _count(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.keyword:
        return
    every = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    whole = set(FLOOR) if every else {Path(arg).name for arg in config.args if Path(arg).resolve().parent == HERE}
    found = Counter(item.nodeid.split("/")[1] for item in items)
    lost = [
        f"{folder} {found[folder]} < {FLOOR[folder]}" for folder in whole & set(FLOOR) if found[folder] < FLOOR[folder]
    ]
    if lost:
        raise pytest.UsageError(f"Fewer tests were found than there were once: {', '.join(lost)}.")


@pytest.fixture
def anyio_backend() -> str:
    """The one the product runs on."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Proving a password costs a fifth of a second of a processor, and is meant to; in the tests' own process it costs
    next to nothing. The programs that tests start keep the real cost."""
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PasswordHash, "recommended", lambda: quick)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """Started, and its libraries loaded, when the first test asks for it."""
    from tests.peers.postgresql import postgresql

    with postgresql() as peer:
        yield peer


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedFS]:
    """As above."""
    from tests.peers.seaweedfs import seaweedfs

    with seaweedfs() as peer:
        yield peer
