"""Messages as frozen dataclasses, and the codec that carries them as JSON objects.

A vocabulary is the set of message classes one party may send. The ``type`` member names the class in
snake case; unknown types, unknown members and wrong value types are refused with ``PeerError``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from core.errors import PeerError

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def message(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen, keyword-only dataclass that refuses unknown members when parsed."""
    made = dataclass(frozen=True, kw_only=True)(cls)
    made.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]  # read by pydantic
    return made


def type_name(cls: type) -> str:
    """``RecorderReady`` → ``recorder_ready``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


class Codec:
    """Encodes and decodes the messages of one vocabulary."""

    def __init__(self, *vocabularies: Iterable[type]) -> None:
        classes = {cls for vocabulary in vocabularies for cls in vocabulary}
        self._adapters: dict[str, TypeAdapter[Any]] = {type_name(cls): TypeAdapter(cls) for cls in classes}

    def encode(self, item: object) -> bytes:
        """Return one JSON object as UTF-8."""
        name = type_name(type(item))
        body: dict[str, Any] = self._adapters[name].dump_python(item, mode="json")
        return to_json({"type": name, **body})

    def decode(self, raw: bytes | str) -> Any:
        """Return the message ``raw`` holds; raise ``PeerError`` for anything else."""
        try:
            body = from_json(raw)
        except ValueError:
            raise PeerError("not-json", "the message is not JSON") from None
        if not isinstance(body, dict):
            raise PeerError("not-an-object", "the message is not a JSON object")
        adapter = self._adapters.get(str(body.pop("type", None)))
        if adapter is None:
            raise PeerError("unknown-type", "no message of that type")
        try:
            return adapter.validate_json(to_json(body), strict=True)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise PeerError("bad-message", f"{where}: {first['msg']}") from None
