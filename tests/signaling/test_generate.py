"""The protocol's document and the browser's module are those of the messages."""

from pathlib import Path

import pytest

from signaling import generate, messages


def test_what_is_generated_is_up_to_date() -> None:
    """``make generate`` would change nothing."""
    assert [path.name for path, _ in generate.outdated()] == []


def test_a_difference_fails_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``--check`` is an error when a file differs, and writes nothing."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "PROTOCOL_JS", tmp_path / "protocol.js")
    assert generate.main(["--check"]) == 1
    assert not (tmp_path / "protocol.js").exists()
    assert generate.main([]) == 0
    assert (tmp_path / "protocol.js").read_text() == generate.javascript()


def test_the_document_names_every_log_entry() -> None:
    """Every ``event`` the code records stands in the table of the log."""
    import re

    document = generate.PROTOCOL_MD.read_text(encoding="utf-8")
    sources = "".join(p.read_text(encoding="utf-8") for p in (generate.ROOT / "signaling").glob("*.py"))
    said = set(re.findall(r'"event": "([a-z-]+)"', sources))
    assert said
    assert sorted(e for e in said if f"`{e}`" not in document) == []


def test_every_message_has_a_docstring_or_is_plain() -> None:
    """A reader of the protocol finds a sentence for each message."""
    assert all(c.__doc__ for c in messages.ClientMessage.__args__)
