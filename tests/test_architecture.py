"""The walls of the house: which package may import which, and in which rooms third-party libraries live."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PACKAGES = ("core", "people", "cases", "scheduler", "media", "recordings", "signaling", "web", "rehearsal")

MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "people": {"core"},
    "cases": {"core", "people"},
    "scheduler": {"core", "people", "cases"},
    "media": {"core"},
    "recordings": {"core", "people", "media.ports"},
    "signaling": {"core", "people", "cases", "scheduler", "recordings", "media.commands"},
    "web": {"core", "people", "cases", "scheduler", "recordings", "signaling"},
    "rehearsal": {"core", "recordings.verify"},
}

ROOMS: dict[str, set[str]] = {
    "aiortc": {"media", "rehearsal"},
    "aioice": {"media", "rehearsal"},
    "pylibsrtp": {"media"},
    "av": {"recordings", "rehearsal", "media/rtsp.py"},
    "aiohttp": {"signaling", "web", "rehearsal"},
    "jinja2": {"core/texts.py", "web"},
}


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute module name ``path`` imports, ``from a import b`` as ``a.b``, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def within(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in allowed)


@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_only_rooms_it_may_know(package: str) -> None:
    """A package imports nothing of the project but itself and what the design's table grants it."""
    allowed = MAY_IMPORT[package] | {package}
    ours = {*PACKAGES, "main", "casework", "oversight"}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for module, line in imports_of(path)
        if module.split(".")[0] in ours and not within(module, allowed)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", ROOMS)
def test_library_stays_in_its_rooms(library: str) -> None:
    """A third-party library of the design's list is imported only where it lives."""
    wrong = [
        f"{where}:{line}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if not {package, where := path.relative_to(ROOT).as_posix()} & ROOMS[library]
        for module, line in imports_of(path)
        if module.split(".")[0] == library
    ]
    assert not wrong, "\n".join(wrong)


def test_nobody_imports_the_composition_root() -> None:
    """``main`` is imported by no package: it knows them, they do not know it."""
    wrong = [path for p in PACKAGES for path in (ROOT / p).rglob("*.py") for m, _ in imports_of(path) if m == "main"]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_package_opens_with_what_it_owns(package: str) -> None:
    """Each package's ``__init__`` is a docstring, so that its first screen says what it is for."""
    module = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(module)
