"""Appointments for people's own calendars (RFC 5545, 5546): times and place, never a case or another person's name."""

from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event

from core.texts import translate

TITLES: dict[str, str] = {
    "visit": "Appointment (visit)",
    "interrogation": "Appointment",
    "statement": "Appointment",
    "rehearsal": "Appointment",
}
"""msgid of the summary: what a stranger reading over the shoulder may learn."""
REMIND = timedelta(minutes=15)


def appointment(
    *,
    booking: str,
    kind: str,
    start: datetime,
    end: datetime,
    place: str,
    address: str,
    sequence: int,
    stamped: datetime,
    locale: str,
    cancelled: bool = False,
    method: str = "REQUEST",
) -> bytes:
    """One event as a file. The same ``booking`` with a higher ``sequence`` replaces the former; ``cancelled`` removes
    it. ``method`` is ``PUBLISH`` for what somebody fetches instead of being invited (RFC 5546, 3.2)."""
    event = Event()
    event.add("uid", f"{booking}@yuanjian")
    event.add("sequence", sequence)
    event.add("dtstamp", stamped)
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("summary", translate(locale, TITLES[kind]))
    event.add("class", "CONFIDENTIAL")
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    if place:
        event.add("location", place)
    if address:
        event.add("url", address)
    if not cancelled:
        event.add_component(_alarm(translate(locale, TITLES[kind])))
    calendar = Calendar()
    calendar.add("prodid", "-//Yuanjian//Yuanjian//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if cancelled else method)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _alarm(text: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", text)
    alarm.add("trigger", -REMIND)
    return alarm
