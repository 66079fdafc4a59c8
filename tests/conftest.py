"""For all tests. How long an example takes says how busy the machine is, not whether the product is right."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture
def anyio_backend() -> str:
    """The one the product runs on."""
    return "asyncio"
