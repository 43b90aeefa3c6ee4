"""Somebody the relay knows nothing of, and what such people send."""

import socket

CLIENT_HELLO = bytes.fromhex("16fefd0000000000000000002f0100002300000000000000 23fefd".replace(" ", "")) + bytes(40)
ALERT = bytes.fromhex("15fefd00000000000000000002022f")


class Stranger:
    """A socket the relay knows nothing of."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self._relay = ("127.0.0.1", port)

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self._relay)

    def answers(self) -> int:
        """Bytes the relay has sent us."""
        total = 0
        while True:
            try:
                total += len(self.socket.recv(65536))
            except BlockingIOError:
                return total
