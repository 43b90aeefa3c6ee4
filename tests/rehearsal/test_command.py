"""The command: options, exit codes, a server of our own that does not start."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal import command, server
from rehearsal.command import Options, run
from rehearsal.report import Missing, Report
from rehearsal.table import render


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (Options(participants=1), "--participants"),
        (Options(participants=13), "--participants"),
        (Options(seconds=0), "--seconds"),
        (Options(kind="party"), "--kind"),
        (Options(kind="visit", participants=3), "--participants"),
        (Options(kind="visit", url="http://127.0.0.1:1", token_file=Path("t")), "--kind"),
        (Options(url="http://127.0.0.1:1"), "--token-file"),
        (Options(url="http://127.0.0.1:1", token_file=Path("t"), keep=Path("k")), "--keep"),
        (Options(url="http://127.0.0.1:1", token_file=Path("/nowhere/t")), "/nowhere/t"),
    ],
)
def test_wrong_options_end_with_two(options: Options, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mistake is named on standard error, and nothing is played."""
    assert run(options) == 2
    told = capsys.readouterr()
    assert word in told.err
    assert told.out == ""


def test_an_address_without_a_scheme_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--url meet.example.org`` is not an address."""
    (tmp_path / "t").write_text("secret\n")
    assert run(Options(url="meet.example.org", token_file=tmp_path / "t")) == 2
    assert "meet.example.org" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "two tokens\n", "one\ntwo\n", "é"])
def test_a_token_file_holds_one_token(tmp_path: Path, content: str) -> None:
    """Empty, several or strange tokens are refused."""
    (tmp_path / "t").write_text(content)
    with pytest.raises(server.OperatorError):
        server.read_token(tmp_path / "t")


def test_a_server_that_ends_at_once_is_told_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what the server wrote is on standard error."""
    dying = (sys.executable, "-c", "print('no such luck'); raise SystemExit(3)")
    assert run(Options(command=dying)) == 2
    assert "no such luck" in capsys.readouterr().err


def test_a_directory_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--keep`` refuses a directory that holds anything but an earlier rehearsal."""
    (tmp_path / "thesis.txt").write_text("do not touch")
    assert run(Options(keep=tmp_path)) == 2
    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("recorded", "code"), [({}, 0), ({"mute": True}, 1)])
async def test_a_rehearsal_against_a_url_prints_json(
    fake_site: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], recorded: dict[str, Any], code: int
) -> None:
    """``ok`` and the exit code agree; what is missing is named by a stable code."""
    fake_site.recorded = recorded
    (tmp_path / "t").write_text("operator\n")
    options = Options(url=fake_site.url, token_file=tmp_path / "t", seconds=2, json=True)
    report = await command._play(options)
    assert command._tell(report, options) == code
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is (code == 0)
    assert {item["code"] for item in told["missing"]} == ({"file-sound", "file-seek"} if code else set())


def test_the_table_speaks_both_languages() -> None:
    """What is missing is told in the reader's language, with its code."""
    report = Report(kind="rehearsal", participants=2, seconds=8)
    missing = [
        Missing("sound", "participant {receiver} did not hear participant {sender}", {"receiver": 2, "sender": 1})
    ]
    assert "participant 2 did not hear participant 1 [sound]" in render(report, missing, "en")
    assert "2 号接入端听不到 1 号 [sound]" in render(report, missing, "zh-CN")
    assert "演练通过" in render(report, [], "zh-CN")
