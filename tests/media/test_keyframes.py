"""When a keyframe is asked for."""

from media.keyframes import Keyframes

MS = 1_000_000


def test_requests_are_spaced() -> None:
    """However many want one, at most one request leaves per half second."""
    keyframes = Keyframes(0)
    keyframes.want()
    assert keyframes.due(0, recorded=False)
    keyframes.want()
    assert not keyframes.due(499 * MS, recorded=False)
    assert keyframes.due(500 * MS, recorded=False)


def test_any_keyframe_satisfies_all() -> None:
    """Once one has come nothing is asked for any more."""
    keyframes = Keyframes(0)
    keyframes.want()
    keyframes.arrived(10 * MS)
    assert not keyframes.due(1000 * MS, recorded=False)


def test_a_recorded_track_gets_one_in_five_seconds() -> None:
    """While recording, five seconds without a keyframe are a reason; otherwise not."""
    assert Keyframes(0).due(5_000 * MS, recorded=True)
    assert not Keyframes(0).due(4_999 * MS, recorded=True)
    assert not Keyframes(0).due(60_000 * MS, recorded=False)
