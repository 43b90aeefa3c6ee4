"""The relay: UDP endpoint, ICE-lite, DTLS, SRTP, routing and feedback for the media of live sessions.

Owns packets from socket to socket. Knows no law, no database, no people and no HTTP: it is told what to do by
the dataclasses of ``media.commands`` and hands what it receives to the sinks of ``media.ports``.
"""
