"""For all tests. How long an example takes says how busy the machine is, not whether the product is right."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
