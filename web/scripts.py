"""Which scripts a page's first script imports, so that the browser fetches all of them at once."""

import re
from functools import cache

from web.statics import ROOT

_IMPORT = re.compile(r'^(?:import|export)\b[^"]*"\./([\w-]+\.js)"', re.MULTILINE)


@cache
def imported(first: str) -> tuple[str, ...]:
    """Names of all modules ``first`` (such as ``live.js``) imports, directly or not, without itself."""
    found: dict[str, None] = {}
    waiting = [first]
    while waiting:
        text = (ROOT / "js" / waiting.pop()).read_text(encoding="utf-8")
        new = [name for name in _IMPORT.findall(text) if name not in found and name != first]
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(sorted(found))
