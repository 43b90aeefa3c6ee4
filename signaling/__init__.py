"""Live sessions: WebSocket protocol, WHIP/WHEP over HTTP, the session state machine, the live hub.

Knows bookings, people and recordings; talks to the relay only through ``media.commands``. Renders no page.
"""
