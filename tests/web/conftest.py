"""The application on a fresh copy of the demo site."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.world import World, seed_once, world


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated and seeded SQLite file to be copied."""
    return seed_once(tmp_path_factory.mktemp("web") / "template.sqlite3")


@pytest.fixture
async def site(seeded: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The running application and short ways to ask it."""
    async with world(seeded, tmp_path) as made:
        yield made
