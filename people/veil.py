"""What stands for names that must not be told: aliases in place of real names. Pure.

A veil is made for one case from the secret volume (``cases.volume``) and lives as long as what it is laid over. It is
laid over whatever comes in by hand and whatever was written before somebody was protected; what is kept elsewhere holds
the alias alone.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

T = TypeVar("T")

_CHINESE = r"\u3400-\u9fff"
_SHORT = 2
"""Chinese names of so many characters stand inside longer ones of other people (王强, 王强军): they are a name only
where nothing Chinese follows or precedes them in a field that holds a name."""


@dataclass(frozen=True)
class Veil:
    """Real names and the aliases shown in their place. Its ``repr`` tells how many, and no name."""

    aliases: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.aliases)

    def name(self, said: str) -> str:
        """A name as it may be shown: the alias of whoever it names, however it was typed."""
        for real, alias in self._longest():
            if plain(real) == plain(said):
                return alias
        return self._laid(said, as_name=True)

    def text(self, said: str) -> str:
        """Free text in which every real name is replaced by its alias; a name inside a longer one too."""
        return self._laid(said, as_name=False)

    def value(self, said: Any) -> Any:
        """The same value (JSON) with every text veiled; keys are words of ours and stay."""
        match said:
            case str():
                return self.text(said)
            case dict():
                return {key: self.name(item) if _names(key, item) else self.value(item) for key, item in said.items()}
            case list() | tuple():
                return type(said)(self.value(item) for item in said)
        return said

    def message(self, said: T) -> T:
        """A frozen dataclass with its texts veiled: what an endpoint of a live session sends."""
        if not self.aliases or not is_dataclass(said) or isinstance(said, type):
            return said
        texts = {one.name: getattr(said, one.name) for one in fields(said)}
        changed = self.value({name: text for name, text in texts.items() if isinstance(text, str)})
        return replace(said, **{name: text for name, text in changed.items() if text != texts[name]})

    def _laid(self, said: str, *, as_name: bool) -> str:
        for real, alias in self._longest():
            said = _pattern(real, as_name=as_name).sub(lambda _: alias, said)  # noqa: B023  # used at once
        return said

    def _longest(self) -> list[tuple[str, str]]:
        return sorted(self.aliases.items(), key=lambda pair: -len(pair[0]))


NOTHING = Veil()


@dataclass(frozen=True)
class Cover:
    """What the record of one session has to hide from whoever may not see it plain."""

    veil: Veil = NOTHING
    masked: frozenset[str] = frozenset()
    """Aliases of those whose face and voice are hidden too."""
    expected: bool = False
    """Whether one of them was to take part: then somebody is masked even if the log names nobody by that alias."""


def _names(key: object, item: object) -> bool:
    """Whether a member of an entry holds a name and nothing else."""
    return key == "name" and isinstance(item, str)


def plain(name: str) -> str:
    """A name without what differs by the way of typing: width, case, blanks and dots."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum())


def _pattern(real: str, *, as_name: bool) -> re.Pattern[str]:
    """How a real name is found: Chinese with blanks or dots between the characters, other scripts as whole words."""
    joined = unicodedata.normalize("NFKC", real).strip()
    if re.fullmatch(rf"[{_CHINESE}·\s]+", joined):
        characters = re.findall(rf"[{_CHINESE}]", joined)
        body = r"[\s·・]*".join(map(re.escape, characters))
        if as_name and len(characters) <= _SHORT:
            body = rf"(?<![{_CHINESE}]){body}(?![{_CHINESE}])"
        return re.compile(body)
    body = r"[\s.·-]+".join(map(re.escape, joined.split()))
    return re.compile(rf"(?<!\w){body}(?!\w)", re.IGNORECASE)
