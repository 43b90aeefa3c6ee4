"""What the audit of dependencies makes of the service's answer."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.audit import LOCK, NOT_AUDITED, judge

GOOD = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "GHSA-2"}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def test_a_known_weakness_fails() -> None:
    """Each with its name, its number and the version that mends it."""
    lines, code = judge({"dependencies": [GOOD, WEAK, UNKNOWN]})
    assert code == 1
    assert lines[0] == "b 2: PYSEC-1, mended in 2.1"
    assert lines[1].endswith("no version yet")


def test_no_service_is_said_and_does_not_fail() -> None:
    """Offline, or before a mirror that knows no advisories: nobody may take silence for a clean audit."""
    for report in (None, {"dependencies": []}, {"dependencies": [UNKNOWN, UNKNOWN]}):
        assert judge(report) == ([NOT_AUDITED], 0)


def test_a_clean_audit_says_of_how_many() -> None:
    """And how many the service did not know."""
    assert judge({"dependencies": [GOOD, UNKNOWN]}) == (
        ["No known weakness in 1 packages; 1 are unknown to the service."],
        0,
    )


@contextmanager
def advisories(*weak: str) -> Iterator[tuple[str, list[str]]]:
    """An advisory service (OSV) that knows a weakness of each of ``weak``: its address, and what it was asked about."""
    asked: list[str] = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = question["package"]["name"]
            asked.append(f"{name}=={question['version']}")
            body = json.dumps({"vulns": [advisory(name)]} if name in weak else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *values: object) -> None:
            """Keeps quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def advisory(name: str) -> dict[str, object]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}]
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"id": "GHSA-test-0001", "published": "2026-01-01T00:00:00Z", "summary": "Bad.", "affected": affected}


def audit(address: str) -> tuple[int, str]:
    """Run the script as ``make check`` does, before the service at ``address``."""
    environment = os.environ | {"ADVISORY_SERVICE": address, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    script = str(LOCK.parent / "scripts" / "audit.py")
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_whole_lock_file_is_asked_about_and_one_finding_fails() -> None:
    """From the lock file to the exit code, with the package's name, its number and the version that mends it."""
    with advisories("aiohttp") as (address, asked):
        code, said = audit(address)
    assert code == 1, said
    assert said.startswith("aiohttp ")
    assert "GHSA-test-0001, mended in 999.1" in said
    locked = [line.rstrip(" \\") for line in LOCK.read_text().splitlines() if "==" in line]
    assert {line for line in locked if ";" not in line} <= set(asked) <= {line.split()[0] for line in locked}


def test_nothing_found_passes_and_says_of_how_many() -> None:
    """The same, before a service that knows no weakness of ours."""
    with advisories() as (address, asked):
        code, said = audit(address)
    assert (code, said) == (0, f"No known weakness in {len(asked)} packages.\n")
    assert asked


def test_a_service_that_is_away_is_said() -> None:
    """Nobody listens at the address: nothing was audited."""
    with advisories() as (address, _):
        pass
    assert audit(address) == (0, f"{NOT_AUDITED}\n")
