"""What a process writes down: one line of fixed words and fields, and nothing of what it held in its hands."""

import subprocess
import sys

import pytest

HIDDEN = ("correct horse", "13800138000", "tok-4711", "v=0", "王秀兰", "secret-of-a-link")
PROGRAM = """
import sys
sys.stderr.isatty = lambda: {terminal}
import structlog
from core.logs import configure

configure("test")

def enter(password):
    phone = "13800138000"
    raise RuntimeError("the door is stuck")

try:
    enter("correct horse")
except RuntimeError:
    structlog.get_logger().exception(
        "a request failed", path="/signin", token="tok-4711", sdp="v=0", name="王秀兰", secret="secret-of-a-link"
    )
"""


@pytest.mark.parametrize("terminal", [False, True])
def test_a_failure_tells_where_and_not_with_what(terminal: bool) -> None:
    """The traceback has its lines and its message, no variable of any of them; fields of secrets are emptied."""
    command = [sys.executable, "-c", PROGRAM.format(terminal=terminal)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "a request failed" in said
    assert "the door is stuck" in said
    for hidden in HIDDEN:
        assert hidden not in said.replace('enter("correct horse")', ""), hidden
