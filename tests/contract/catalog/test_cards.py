"""See the suite itself: what it promises holds on PostgreSQL too."""

from __future__ import annotations

from tests.unit.lms_server.catalog.test_cards import *  # noqa: F403  all of it, and what is added later
