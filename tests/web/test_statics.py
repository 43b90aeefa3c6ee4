"""Static files: found below the hash of the whole, compressed, cached for ever, and unaltered vendor files."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from scripts import texts, vendor
from tests.web.world import World
from web.statics import ROOT, Statics

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", [PROJECT / "web" / "static" / "vendor", PROJECT / "tests" / "vendor"])
def test_vendor_files_are_those_of_the_list(folder: Path) -> None:
    """Every foreign file is listed with version, licence and hash, and nothing else lies there."""
    entries = json.loads((folder / "VENDOR.json").read_text())
    listed = {name: value for entry in entries for name, value in entry["sha256"].items()}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    there.pop("VENDOR.json")
    assert there == listed
    assert all(entry["licence"] and entry["version"] for entry in entries)


def test_sprite_holds_the_icons_used_and_no_other() -> None:
    """An icon asked for is in the sprite; one nobody asks for is not carried about."""
    held = re.findall(r'<symbol id="([^"]+)"', (ROOT / "vendor" / "icons.svg").read_text())
    assert held == vendor.icons_used()


async def test_file_of_this_release_is_cached_for_ever(site: World) -> None:
    """Below the hash a file never changes; without it, it is asked for again and answered with 304."""
    browser = await site.browser()
    address = Statics().address("css/base.css")
    answer = await browser.get(address, headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = await browser.get("/static/css/base.css", headers={"Accept-Encoding": "identity"})
    assert plain.headers["Cache-Control"] == "no-cache"
    again = await browser.get("/static/css/base.css", headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status == 304


async def test_address_of_an_older_release_still_answers(site: World) -> None:
    """A page open since before an update gets its files, not cached for ever under the old hash."""
    browser = await site.browser()
    answer = await browser.get("/static/v000000000000/css/base.css")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")


async def test_script_texts_are_a_module_per_language(site: World) -> None:
    """Scripts find their sentences beside them."""
    browser = await site.browser()
    chinese = await (await browser.get("/static/texts/zh-CN.js")).text()
    assert chinese.startswith("export default {")
    known = json.loads(chinese.removeprefix("export default ").rstrip().rstrip(";"))
    said = {text for text, files in texts.found().items() if any(name.startswith("web/static/js/") for name in files)}
    assert len(said) > 100
    assert said - known.keys() == set()
    assert (await (await browser.get("/static/texts/en.js")).text()) == "export default {};\n"


async def test_nothing_outside_the_folder_is_served(site: World) -> None:
    """Neither code nor the lists of hashes."""
    browser = await site.browser()
    for path in ("/static/../app.py", "/static/vendor/VENDOR.json", "/static/", "/static/css"):
        assert (await browser.get(path)).status == 404


def test_live_page_is_light() -> None:
    """All scripts, styles and sentences of a live session together stay far below 300 kB on the wire."""
    files = Statics()._files
    loaded = [file for name, file in files.items() if name.startswith(("js/", "texts/zh", "css/live", "css/tokens"))]
    assert len(loaded) > 10
    assert sum(len(file.gzipped or file.body) for file in loaded) < 250_000
