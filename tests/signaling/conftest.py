"""The demo site with a hub and its doors on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.config import Settings
from tests.scheduler.conftest import Site, seeded_sqlite, sqlite_site  # noqa: F401  # fixtures
from tests.signaling.world import World


@pytest.fixture
async def world(sqlite_site: Site, tmp_path: Path) -> AsyncIterator[World]:  # noqa: F811  # the fixture above
    """A started hub over the demo site, with a media process that does what it is told."""
    made = World(sqlite_site, Settings(data_dir=tmp_path))
    await made.start()
    yield made
    await made.stop()
