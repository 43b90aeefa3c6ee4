"""Running numbers inside VP8 payloads, kept continuous when a viewer changes between simulcast layers (RFC 7741 4.2).

A decoder takes a jump of the picture id for loss. Pure: one instance per flow.
"""

from media.codecs import Vp8Descriptor, vp8_descriptor


class Pictures:
    """Rewrites picture id and TL0PICIDX by offsets that change at every ``begin``."""

    __slots__ = ("_begins", "_id", "_id_offset", "_index", "_index_offset")

    def __init__(self) -> None:
        self._begins = True
        self._id = self._index = -1
        self._id_offset = self._index_offset = 0

    def begin(self) -> None:
        """The next payload comes from another stream: its numbers follow on the last ones."""
        self._begins = True

    def rewrite(self, payload: bytes) -> bytes:
        """Return ``payload`` under our numbers; unchanged when it has none."""
        found = vp8_descriptor(payload, 0, len(payload))
        if found is None or not found.picture_id_at:
            return payload
        if self._begins:
            self._start(payload, found)
        mask = 0x7FFF if found.wide else 0x7F
        changed = bytearray(payload)
        number = (found.picture_id + self._id_offset) & mask
        if (number - self._id) & mask < mask >> 1 or self._id < 0:
            self._id = number
        if found.wide:
            changed[found.picture_id_at] = 0x80 | number >> 8
            changed[found.picture_id_at + 1] = number & 0xFF
        else:
            changed[found.picture_id_at] = number
        if found.tl0picidx_at:
            index = (payload[found.tl0picidx_at] + self._index_offset) & 0xFF
            if (index - self._index) & 0xFF < 0x80 or self._index < 0:
                self._index = index
            changed[found.tl0picidx_at] = index
        return bytes(changed)

    def _start(self, payload: bytes, found: Vp8Descriptor) -> None:
        self._begins = False
        if self._id >= 0:
            self._id_offset = self._id + 1 - found.picture_id
        if self._index >= 0 and found.tl0picidx_at:
            self._index_offset = self._index + 1 - payload[found.tl0picidx_at]
