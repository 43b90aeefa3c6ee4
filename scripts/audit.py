"""Known weaknesses of what we depend on: ``python scripts/audit.py``, part of ``make check``.

Asks an advisory service about every package of ``requirements.lock``. Exits 1 when one has a known weakness; 0 when
none has, and also when no service can be reached or knows the packages: then it says that nothing was audited.

``ADVISORY_SERVICE`` names another service than the package index: the address of an OSV query
(https://google.github.io/osv.dev/post-v1-query/), such as a mirror inside a closed network.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
WITHIN = 60
"""Seconds for all of it."""
NOT_AUDITED = (
    "Dependencies were NOT audited: no advisory service can be reached from here. Run `make audit` where one can be."
)


def ask() -> Mapping[str, Any] | None:
    """The service's report, or ``None`` when there is no service."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner", "off", "--timeout", "8", "-f", "json"]
    if address := os.environ.get("ADVISORY_SERVICE"):
        command += ["-s", "osv", "--osv-url", address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)  # noqa: S603
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report if isinstance(report, dict) else None


def judge(report: Mapping[str, Any] | None) -> tuple[list[str], int]:
    """What to print, and the exit code."""
    packages = list(report["dependencies"]) if report else []
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return [NOT_AUDITED], 0
    weak = [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in {_mended(weakness)}"
        for package in asked
        for weakness in package.get("vulns", ())
    ]
    if weak:
        return [*weak, f"{len(weak)} known weaknesses: raise the versions and run `make lock`."], 1
    left = len(packages) - len(asked)
    unknown = f"; {left} are unknown to the service" if left else ""
    return [f"No known weakness in {len(asked)} packages{unknown}."], 0


def _mended(weakness: Mapping[str, Any]) -> str:
    return ", ".join(weakness.get("fix_versions") or ()) or "no version yet"


def main() -> int:
    """Ask, print, and return the exit code."""
    lines, code = judge(ask())
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
