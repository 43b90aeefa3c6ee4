"""How protected packets leave: several in one call where that can be, one by one where it cannot."""

import errno
from types import SimpleNamespace

import pytest

from media import outlet
from media.counters import Counters
from media.outlet import Outlet


class Port:
    """A port whose kernel answers a segmented send with ``error``, if any."""

    segments = True

    def __init__(self, error=0):
        self.error = error
        self.together = []
        self.sock = self

    def sendmsg(self, buffers, _control, _flags, _address):
        if self.error:
            raise OSError(self.error, "as told")
        self.together.append(len(buffers[0]))


@pytest.fixture
def send(monkeypatch):
    """Send so many packets of 100 bytes to a peer at a port; return what left one by one."""
    monkeypatch.setattr(outlet, "_protect", lambda *_: 0)

    def sending(port, count=3):
        alone = []
        peer = SimpleNamespace(
            outbound=object(), port=port, address=("192.0.2.1", 5), sent_packets=0, sent_octets=0,
            transmit=lambda data: alone.append(len(data)) or True,
        )  # fmt: skip
        leaving = Outlet(Counters())
        for number in range(count):
            leaving.packet(peer, 0x80, 96, number, 0, 1, bytes(88))
        leaving.flush()
        assert (peer.sent_packets, peer.sent_octets) == (count, 100 * count)
        return alone

    return sending


def test_packets_of_one_wake_up_leave_in_one_call(send):
    port = Port()
    assert send(port) == []
    assert port.together == [300]


@pytest.mark.parametrize("error", [errno.EIO, errno.EOPNOTSUPP, errno.ENOPROTOOPT])
def test_a_device_that_cannot_is_not_asked_again(send, error):
    port = Port(error)
    assert send(port) == [100, 100, 100]
    assert not port.segments


@pytest.mark.parametrize("error", [errno.EMSGSIZE, errno.EINVAL, errno.ENETUNREACH, errno.EPERM, errno.ENOBUFS])
def test_what_goes_wrong_for_one_viewer_costs_nobody_else(send, error):
    """A narrow path or a rule of a firewall is one viewer's; the next is sent to in one call again."""
    port = Port(error)
    assert send(port) == [100, 100, 100]
    port.error = 0
    assert send(port) == []
    assert port.together == [300]
