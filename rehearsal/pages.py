"""Reading a page as a browser does: its forms with what stands in them, and its links."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(slots=True)
class Form:
    """A form: where it is sent, what is filled in, and what can be chosen."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    """By name: what would be sent if nothing is touched."""
    choices: dict[str, list[str]] = field(default_factory=dict)
    """By name: values of the radio buttons or options, without the empty one."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was shown: its address after redirects, and its text."""

    address: str
    """Path and query."""
    text: str

    def forms(self) -> list[Form]:
        """All forms, in order."""
        return _Reader.of(self.text).forms

    def form(self, action: str) -> Form | None:
        """The first form sent to ``action``."""
        return next((form for form in self.forms() if form.action == action), None)

    def links(self, part: str) -> list[str]:
        """Addresses of links, players and fields to copy from that contain ``part``, in order."""
        return [link for link in _Reader.of(self.text).links if part in link]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._select = ""

    @classmethod
    def of(cls, text: str) -> "_Reader":
        reader = cls()
        reader.feed(text)
        return reader

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        for name in ("href", "src"):
            if name in has:
                self.links.append(has[name])
        if tag == "input" and "readonly" in has:  # an address to copy
            self.links.append(has.get("value", ""))
        if tag == "form":
            self._form = Form(action=has.get("action", ""), method=has.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, has)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def _field(self, form: Form, tag: str, has: dict[str, str]) -> None:
        name, value = has.get("name", ""), has.get("value", "")
        if tag == "select":
            self._select = name
        elif tag == "option":
            self._choice(form, self._select, value, chosen="selected" in has)
        elif tag == "input" and has.get("type") == "radio":
            self._choice(form, name, value, chosen="checked" in has)
        elif tag in ("input", "textarea") and name and has.get("type") not in ("checkbox", "submit", "button"):
            form.values[name] = value

    @staticmethod
    def _choice(form: Form, name: str, value: str, *, chosen: bool) -> None:
        if name and value:
            form.choices.setdefault(name, []).append(value)
            if chosen:
                form.values[name] = value
