"""What of a recording can be played, as views to choose from: composed, all side by side, one alone. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.texts import msgid as m
from recordings.derived import PROTECTED
from recordings.models import DerivedFile
from web import words
from web.words import icon

COMPOSED, ALL = "composed", "all"


@dataclass(frozen=True, slots=True)
class Film:
    """One playable file. ``view`` is the endpoint it shows, or the composed file's own name."""

    view: str
    composed: bool
    file: str
    media_type: str
    name: str
    role: str
    publication: str
    start_ms: int
    duration_ms: int
    address: str
    outdated: bool
    """Whether what it was composed of was made anew since."""


@dataclass(frozen=True, slots=True)
class View:
    """One way to look. ``label`` is a msgid unless ``named``; then it is a name as given."""

    key: str
    label: str
    symbol: str
    named: bool = False


def films(
    session: str, files: Sequence[DerivedFile], names: Mapping[str, str], sign: Callable[[str], str]
) -> list[Film]:
    """The playable files, composed ones first. ``sign`` makes the viewer's link of an address."""
    ordered = sorted(files, key=lambda file: (file.kind != "composed", file.endpoint, file.publication, file.part))
    return [
        Film(
            file.file if file.kind == "composed" else file.endpoint,
            file.kind == "composed",
            file.file,
            file.media_type,
            names.get(file.endpoint, ""),
            file.role,
            file.publication,
            file.start_ms,
            file.duration_ms,
            sign(f"/records/{session}/media/{file.recording}/{file.file}"),
            bool(file.outdated),
        )
        for file in ordered
    ]


def views(shown: Sequence[Film]) -> list[View]:
    """The choices, the best to begin with first; none when there is nothing to play."""
    found = {
        film.view: View(
            film.view, m("Masked copy") if film.file.startswith(PROTECTED) else m("Composed picture"), icon("pip")
        )
        for film in shown
        if film.composed
    }
    alone = {
        film.view: View(film.view, film.name or words.word(words.ENDPOINTS, film.role), icon("person"), bool(film.name))
        for film in shown
        if not film.composed
    }
    together = {ALL: View(ALL, m("All side by side"), icon("grid"))} if len(alone) > 1 else {}
    return [*found.values(), *together.values(), *alone.values()]
