"""Writes ``docs/openapi.json`` from the API's operations. ``python -m web.generate [--check]``."""

import json
import sys
from pathlib import Path

from web.api.document import document
from web.api.table import OPERATIONS

TARGET = Path(__file__).parent.parent / "docs" / "openapi.json"


def text() -> str:
    """The document as it is kept."""
    return json.dumps(document(OPERATIONS), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write it, or with ``--check`` exit 1 when it is old."""
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text():
            raise SystemExit(f"{TARGET.name} is old: run make generate")
        return
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
