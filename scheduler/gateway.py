"""Short messages over a gateway's HTTP door: signed, once per id, nothing of them in logs. ``docs/SMS-GATEWAY.md``."""

import json
import urllib.error
from typing import Final

import structlog

from core.clock import Clock
from core.signing import HEADER, signature
from scheduler.webhooks import HttpPoster, Poster

log = structlog.get_logger()

_TAKEN_ALREADY: Final = 409
_FOR_GOOD: Final = frozenset({400, 404, 410, 413, 422})
"""What the gateway will never carry: a number that cannot be one, a text it does not take."""


class NotDeliverable(Exception):
    """The gateway refused this message for good; sending it again changes nothing. Holds neither number nor text."""


class HttpSms:
    """The carrier of a site with a gateway: one signed POST per message."""

    def __init__(self, url: str, secret: str, clock: Clock, poster: Poster | None = None) -> None:
        self._url, self._secret, self._clock = url, secret, clock
        self._poster = poster or HttpPoster(anywhere=True)

    async def send(self, number: str, text: str, key: str) -> None:
        """Deliver, or raise: ``NotDeliverable`` for good, anything else to be tried again with the same ``key``."""
        body = json.dumps({"id": key, "to": number, "text": text}, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            HEADER: signature(self._secret, self._clock.now(), body),
        }
        status = await self._status(body, headers)
        if status in _FOR_GOOD:
            log.warning("the gateway refused a short message", status=status, message=key)
            raise NotDeliverable
        if status not in (None, _TAKEN_ALREADY):
            raise OSError(f"the gateway answered {status}")

    async def _status(self, body: bytes, headers: dict[str, str]) -> int | None:
        """The status of an answer that is no yes; ``None`` for yes."""
        try:
            await self._poster.post(self._url, body, headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return None
