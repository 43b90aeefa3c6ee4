"""A machine without our software: no network, this repository hidden, another user, the system's own Python alone."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or "python3"
_INSIDE = """
mount -t tmpfs none "$1" && mount --bind "$2" /mnt && cd /mnt || exit 99
shift 2
exec "$@"
"""


def bare(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in ``folder``, seen there as ``/mnt``, with nothing but what Debian brings.

    As root it is run by ``nobody``; anybody else needs user namespaces. 99: the machine does not permit either.
    """
    folder.chmod(0o777)
    apart = ["unshare", "--net", "--mount"]
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if os.getuid():
        apart, drop = ["unshare", "--user", "--map-root-user", "--net", "--mount"], []
    clean = ["env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"]
    return subprocess.run(
        [*apart, "sh", "-c", _INSIDE, "sh", str(ROOT), str(folder), *drop, *clean, *command],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )


def python(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The system's Python, isolated: no site packages, no environment, no folder of ours."""
    return bare(folder, PYTHON, "-I", "-S", *arguments)
