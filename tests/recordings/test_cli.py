"""``yuanjian verify`` at the terminal."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from core.texts import catalogue
from recordings import words
from recordings.cli import verify_command

app = typer.Typer()
app.command()(verify_command)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_an_intact_recording_exits_0_in_words(finished):
    """The first line is the verdict; the sentence a judge can quote follows."""
    done = run(finished.files.root, "--language", "en")
    assert done.exit_code == 0
    assert done.output.startswith("INTACT  rec-1\nUnaltered and complete since it was recorded.")


def test_a_changed_bit_names_its_second(finished):
    """Exit 1, with the time within the recording and of the day."""
    data = bytearray(finished.files.segment(1).read_bytes())
    data[len(data) // 2] ^= 1
    finished.files.segment(1).write_bytes(data)
    done = run(finished.files.root, "--language", "en")
    assert done.exit_code == 1
    assert re.search(r"MODIFIED +0:00:0\d \(2026-11-21 09:30:0\d UTC\)", done.output)


def test_json_holds_everything(finished):
    """One object with ranges, provenance and words."""
    done = run(finished.files.root, "--json")
    said = json.loads(done.output)
    assert (said["verdict"], said["exit"], said["ranges"][0]["verdict"]) == ("INTACT", 0, "INTACT")
    assert said["words"]


def test_a_trust_file_without_a_key_is_unusable(finished, tmp_path):
    """Exit 2 rather than a verdict pinned by nothing."""
    (tmp_path / "trust").write_text("nothing")
    assert run(finished.files.root, "--trust", tmp_path / "trust").exit_code == 2
    assert run(finished.files.root, "--trust", finished.data_dir / "keys" / "site.pub").exit_code == 0
    assert run(tmp_path / "absent").exit_code == 2


SOURCES = [*Path(words.__file__).parent.glob("*.py")]


@pytest.mark.parametrize(
    "msgid",
    [
        *words._SUMMARY.values(),
        words._FOREIGN,
        words._GAPS,
        *words._CAUSES.values(),
        *words._REMARKS.values(),
        *words._UNUSABLE.values(),
    ],
)
def test_every_sentence_is_translated(msgid):
    """What the verifier says in English it says in Chinese, with the same places."""
    chinese = catalogue("zh-CN").get(msgid)
    assert chinese, msgid
    assert set(re.findall(r"\{\w+\}", msgid)) == set(re.findall(r"\{\w+\}", chinese))


def test_every_sentence_of_the_commands_is_translated():
    """So is what the command line prints around it."""
    for path in SOURCES:
        for msgid in re.findall(r'text\(\s*"([^"]+)"', path.read_text()):
            assert msgid in catalogue("zh-CN"), msgid


def test_every_cause_has_words():
    """No finding is told by its code alone."""
    source = (Path(words.__file__).parent / "verify.py").read_text()
    for cause in re.findall(r'Verdict\.\w+, "([a-z-]+)"', source) + re.findall(r'cause="([a-z-]+)"', source):
        assert cause in words._CAUSES, cause
