"""``yuanjian cameras``: rooms with their cameras, a key printed once, and an address that no output shows."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.clock import SystemClock
from core.database import Database, sqlite_url
from core.vault import Vault
from people import cameras
from scheduler.camera_cli import app

RUN = CliRunner()


@pytest.fixture
def data(seeded_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with the demo site."""
    shutil.copy(seeded_sqlite, tmp_path / "yuanjian.sqlite3")
    monkeypatch.setenv("YUANJIAN_DATA_DIR", str(tmp_path))
    Vault(tmp_path / "secrets").ensure(SystemClock().now())
    return tmp_path


def said(*arguments: str) -> str:
    done = RUN.invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_a_camera_is_added_renewed_and_ended(data: Path) -> None:
    """The printed key is the camera's; after a new one the first is worth nothing; ended, it is not listed."""
    room = said("list").split()[0]
    made = said("add", room, "--name", "天花板", "--view", "wide", "--way", "whip")
    camera = re.search(r"/whip/camera/(\w{22})", made)[1]
    first = re.search(r"shown this once: (\S+)", made)[1]
    assert f"  {camera}  wide   whip  天花板" in said("list")
    second = re.search(r"shown this once: (\S+)", said("rotate", camera))[1]
    assert [known(data, camera, key) for key in (first, second)] == [False, True]
    assert RUN.invoke(app, ["add", room, "--name", "x", "--view", "wide", "--way", "whip"]).exit_code == 2
    said("revoke", camera)
    assert camera not in said("list")
    assert RUN.invoke(app, ["revoke", camera]).exit_code == 2


def test_an_address_comes_from_a_file_and_is_never_printed(data: Path) -> None:
    """Only its host stands in the list; one on this machine is refused."""
    room, file = said("list").split()[0], data / "address"
    file.write_text("rtsp://admin:secret@10.1.2.3/live\n")
    options = ["--view", "close", "--way", "rtsp", "--address-file", str(file)]
    shown = said("add", room, "--name", "x", *options) + said("list")
    assert "rtsp://10.1.2.3:554/…" in shown
    assert "secret" not in shown
    file.write_text("rtsp://127.0.0.1/live\n")
    assert RUN.invoke(app, ["add", "q" * 22, "--name", "x", *options]).exit_code == 2


def known(data: Path, camera: str, key: str) -> bool:
    async def go() -> bool:
        database = Database(sqlite_url(data / "yuanjian.sqlite3"))
        try:
            return await cameras.authenticate(database, camera, key) is not None
        finally:
            await database.close()

    return asyncio.run(go())
