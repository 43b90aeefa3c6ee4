"""The error tree, grouped by who can act on an error.

    YuanjianError
    ├── PersonError      shown to the person at the screen, in words
    │   ├── Denied       not signed in, or not allowed             401/403
    │   ├── NotFound     nothing there for this viewer             404
    │   ├── Conflict     somebody was faster, or state has moved   409
    │   ├── Invalid      what was typed cannot be used             422
    │   ├── TooMany      tried too often, wait                     429
    │   └── Unavailable  try again later                           503
    ├── PeerError        another program spoke the protocol wrongly 400
    └── OperatorError    whoever runs the site must act

``code`` is the stable word for programs; ``text`` is an English msgid of the catalogue with ``{name}``
places filled from ``values`` after translation. One place per door turns an error into a status.
"""


class YuanjianError(Exception):
    """Base of all errors this project raises on purpose."""


class PersonError(YuanjianError):
    """Something the person at the screen should read. ``text`` is a msgid, ``values`` fill its places."""

    status = 400

    def __init__(self, code: str, text: str, *, field: str | None = None, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.field = field
        self.values = values


class Denied(PersonError):
    """The viewer is not allowed, or is not known."""

    status = 403


class NotFound(PersonError):
    """There is nothing here for this viewer; the same whether it exists or not."""

    status = 404


class Conflict(PersonError):
    """The state has moved on since the person looked."""

    status = 409


class Invalid(PersonError):
    """What was typed or sent cannot be used; ``field`` names the input."""

    status = 422


class TooMany(PersonError):
    """Tried too often in a short time; the sentence says how long to wait."""

    status = 429


class Unavailable(PersonError):
    """Cannot be done now; the sentence says when or what to do instead."""

    status = 503


class PeerError(YuanjianError):
    """A peer's message breaks the protocol. ``code`` is stable; the text is for that program's developer."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class OperatorError(YuanjianError):
    """Configuration or environment is wrong; the text tells whoever runs the site what to do."""
