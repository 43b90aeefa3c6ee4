"""Fetch what the pages stand on from the npm registry and write it below ``web/static/vendor`` with a hash list.

Run by a developer after changing a version below or using a new icon: ``python scripts/vendor.py``. Needs npm and a
network; running the product needs neither. The sprite holds only the icons that templates and scripts use.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "web" / "static" / "vendor"
TEST_VENDOR = ROOT / "tests" / "vendor"
BOOTSTRAP, ICONS, AXE = ("bootstrap", "5.3.9"), ("bootstrap-icons", "1.13.2"), ("axe-core", "4.14.1")
_USES = (
    re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']"""),
    re.compile(r"""\b(?:notice|chip)\(\(?\s*["'][a-z]*["'],\s*["']([a-z0-9-]+)["']"""),
    re.compile(r"""\bempty\(["']([a-z0-9-]+)["']"""),
    re.compile(r"""icons\.svg#([a-z0-9-]+)"""),
)
_SVG = "http://www.w3.org/2000/svg"


def icons_used() -> list[str]:
    """Names of all icons that pages ask for; live session and terminal carry their own few."""
    names: set[str] = set()
    for path in sorted((ROOT / "web").rglob("*")):
        if path.suffix in (".html", ".js", ".py") and not {"vendor", "js", "live", "terminal"} & set(path.parts):
            text = path.read_text(encoding="utf-8")
            names |= {name for use in _USES for name in use.findall(text)}
    return sorted(names)


def fetch(package: tuple[str, str], into: Path) -> Path:
    """Download and unpack one package; return its folder."""
    name, version = package
    target = into / name
    target.mkdir()
    command = ["npm", "pack", "--silent", "--pack-destination", str(into), f"{name}@{version}"]
    packed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=into).stdout.split()[-1]  # noqa: S603
    with tarfile.open(into / packed) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def sprite(folder: Path, names: list[str]) -> str:
    """One SVG with a symbol per icon."""
    ElementTree.register_namespace("", _SVG)
    symbols = []
    for name in names:
        source = folder / "icons" / f"{name}.svg"
        if not source.is_file():
            sys.exit(f"no icon called {name}")
        drawn = ElementTree.fromstring(source.read_text(encoding="utf-8"))  # noqa: S314  from a pinned package
        inner = "".join(ElementTree.tostring(child, encoding="unicode") for child in drawn)
        inner = inner.replace(f' xmlns="{_SVG}"', "").replace("\n", "")
        symbols.append(f'<symbol id="{name}" viewBox="{drawn.get("viewBox")}">{inner}</symbol>')
    return f'<svg xmlns="{_SVG}">\n' + "\n".join(symbols) + "\n</svg>\n"


def record(package: tuple[str, str], licence: str, files: list[Path]) -> dict[str, object]:
    """The entry of the hash list for one package."""
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {"name": package[0], "version": package[1], "licence": licence, "sha256": hashes}


def write_list(folder: Path, entries: list[dict[str, object]]) -> None:
    (folder / "VENDOR.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


def copy(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    return target


def main() -> None:
    for folder in (VENDOR, TEST_VENDOR):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        bootstrap, icons, axe = (fetch(package, here) for package in (BOOTSTRAP, ICONS, AXE))
        styles = copy(bootstrap / "dist/css/bootstrap.min.css", VENDOR / "bootstrap.min.css")
        # The product serves no source map, so browsers must not ask for one.
        text = re.sub(r"\n?/\*# sourceMappingURL=.*?\*/\s*", "\n", styles.read_text(encoding="utf-8"))
        styles.write_text(text, encoding="utf-8")
        drawn = VENDOR / "icons.svg"
        drawn.write_text(sprite(icons, icons_used()), encoding="utf-8")
        entries = [
            record(BOOTSTRAP, "MIT", [styles, copy(bootstrap / "LICENSE", VENDOR / "bootstrap.LICENSE")]),
            record(ICONS, "MIT", [drawn, copy(icons / "LICENSE", VENDOR / "bootstrap-icons.LICENSE")]),
        ]
        write_list(VENDOR, entries)
        checker = copy(axe / "axe.min.js", TEST_VENDOR / "axe.min.js")
        write_list(
            TEST_VENDOR, [record(AXE, "MPL-2.0", [checker, copy(axe / "LICENSE", TEST_VENDOR / "axe-core.LICENSE")])]
        )


if __name__ == "__main__":
    main()
