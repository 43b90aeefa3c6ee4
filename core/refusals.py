"""A refusal is a value with a reason, not an exception: the person chose well-formed input that a rule does not allow.

``Refused`` says which rule, in which words, and carries the values that fill them. What is returned instead of a
refusal depends on the use case; callers ask ``isinstance(answer, Refused)``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Refused:
    """``rule`` is stable (a rule id such as ``LV-3``, or a word such as ``taken``); ``text`` is a msgid."""

    rule: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    """Fill the places of ``text``; instants are aware datetimes, shown in the zone of the facility."""
    input: str | None = None
    """Name of the form field or API member the sentence belongs to."""
