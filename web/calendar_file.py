"""One appointment as an iCalendar file (RFC 5545)."""

from datetime import UTC, datetime


def calendar_file(
    *,
    booking: str,
    start: datetime,
    end: datetime,
    title: str,
    place: str,
    address: str,
    stamped: datetime,
    sequence: int,
) -> str:
    """The file's text: one event with a reminder fifteen minutes before. A later version replaces an earlier one."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Yuanjian//Yuanjian//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{booking}@yuanjian",
        f"SEQUENCE:{sequence}",
        f"DTSTAMP:{_instant(stamped)}",
        f"DTSTART:{_instant(start)}",
        f"DTEND:{_instant(end)}",
        f"SUMMARY:{_escaped(title)}",
        *([f"LOCATION:{_escaped(place)}"] if place else []),
        f"URL:{address}",
        "CLASS:CONFIDENTIAL",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{_escaped(title)}",
        "TRIGGER:-PT15M",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(_folded(line) + "\r\n" for line in lines)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    """RFC 5545 section 3.3.11."""
    for character in ("\\", ";", ","):
        text = text.replace(character, "\\" + character)
    return text.replace("\n", "\\n")


def _folded(line: str) -> str:
    """At most 75 octets per line, never inside a character (RFC 5545 section 3.1)."""
    parts, part = [], ""
    for character in line:
        if len((part + character).encode()) > 74:
            parts.append(part)
            part = ""
        part += character
    return "\r\n ".join([*parts, part])
