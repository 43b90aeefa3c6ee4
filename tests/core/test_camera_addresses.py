"""Addresses of RTSP cameras: their form, their network, and what is shown of them."""

import pytest

from core.camera_addresses import first_open, may_be_opened, parse


def test_an_address_falls_into_its_parts():
    """User, host, port and path are found; a missing port is that of the scheme."""
    found = parse("rtsp://admin:p%40ss@10.1.2.3/Streaming/101?key=1")
    assert (found.user, found.host, found.port, found.path) == ("admin:p%40ss", "10.1.2.3", 554, "/Streaming/101?key=1")
    assert parse("rtsps://camera.example:8322/x").port == 8322
    assert parse("rtsps://[fd00::5]/x").at("fd00::5") == "rtsps://[fd00::5]:322/x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "rtsp://",
        "rtsp://10.0.0.1\r\nX: y/",
        "rtsp://a@b@10.0.0.1/",
        "rtsp://a/b@10.0.0.1/",
        "rtsp://10.0.0.1#@127.0.0.1/",
        "rtsp://10.0.0.1/x#y",
        "rtsp://10.0.0.1\\@127.0.0.1/",
        "rtsp://10.0.0.1:0/",
        "rtsp://10.0.0.1:70000/",
        "rtsp://[10.0.0.1/",
        "rtsp://[::zz]/",
        "rtsp://10.0.0.1/a b",
        "rtsp://10.0.0.1/" + "x" * 600,
        "RTSP+unix://x/",
    ],
)
def test_what_is_no_plain_address_is_none(text):
    """Other schemes, line breaks, a second @, fragments, wrong ports and very long ones are not taken."""
    assert parse(text) is None


def test_what_is_shown_holds_neither_password_nor_path():
    """Where the camera is, nothing else."""
    assert parse("rtsp://admin:secret@10.1.2.3/live?token=abc").masked == "rtsp://10.1.2.3:554/…"


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "::ffff:127.0.0.1", "240.0.0.1"],
)
def test_this_machine_and_its_links_are_not_opened(ip):
    """Loopback, link-local, unspecified, multicast and reserved addresses are refused, in every spelling."""
    assert not may_be_opened(ip, ())


def test_ordinary_addresses_are_opened_and_named_networks_decide_alone():
    """Without a setting any ordinary network; with one only what it names, loopback too when it is named."""
    assert may_be_opened("10.1.2.3", ())
    assert may_be_opened("fd00::5", ())
    assert not may_be_opened("10.1.2.3", ("10.9.0.0/16",))
    assert may_be_opened("127.0.0.1", ("127.0.0.0/8",))
    assert not may_be_opened("a name", ())
    assert first_open(["169.254.1.1", "10.0.0.9"], ()) == "10.0.0.9"
    assert first_open(["127.0.0.1"], ()) is None
