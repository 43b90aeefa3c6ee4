"""What a bad line costs whom."""

from media.congestion import MAX_BITRATE, MIN_BITRATE, RECORDED_FLOOR, Congestion, Level, Uplink, allowed_bitrate

SECOND = 1_000_000_000


def run(line: Congestion, losses: list[float], *, start: int = 1, **facts: bool):
    given = {"layered": False, "backlogged": False, **facts}
    return [line.update(loss, (start + index) * SECOND, **given) for index, loss in enumerate(losses)]


def test_a_short_burst_of_loss_changes_nothing() -> None:
    """One bad report, then good ones: the picture stays."""
    assert set(run(Congestion(), [0.5, 0.0, 0.5, 0.0, 0.5])) == {Level.FULL}


def test_two_bad_seconds_take_one_step() -> None:
    """With a small layer first that, then no picture; without one the picture pauses."""
    assert run(Congestion(), [0.3] * 6, layered=True) == [3, 3, 2, 2, 2, 0]
    assert run(Congestion(), [0.2] * 3) == [3, 3, 0]


def test_layers_in_time_are_left_out_before_the_picture_pauses() -> None:
    """After the small layer where there is one; and they are the first to come back."""
    line = Congestion()
    assert run(line, [0.3] * 9, layered=True, temporal=True) == [3, 3, 2, 2, 2, 1, 1, 1, 0]
    assert run(line, [0.0] * 16, start=10, layered=True, temporal=True) == [0, 0, *[1] * 6, *[2] * 6, 3, 3]
    assert run(Congestion(), [0.3] * 6, temporal=True) == [3, 3, 1, 1, 1, 0]


def test_a_line_that_is_bad_by_itself_keeps_its_picture() -> None:
    """Half the pictures, the same loss: none would not help either. Where half helped, none is the next step."""
    assert run(Congestion(), [0.2] * 60, temporal=True)[2:] == [1] * 58
    assert Level.PAUSED in run(Congestion(), [0.9] * 3 + [0.2] * 4, temporal=True)
    assert run(Congestion(), [0.2] * 6, temporal=True, backlogged=True)[-1] is Level.PAUSED


def test_a_pause_ends_though_the_line_is_still_bad() -> None:
    """With nothing sent nobody can say that it is better, so it is tried."""
    line = Congestion()
    run(line, [0.3] * 3)
    assert run(line, [0.3] * 6, start=4) == [0, 0, 3, 3, 3, 0]


def test_a_backlog_counts_as_loss() -> None:
    """A TCP receiver that does not keep up is congested though it reports no loss."""
    assert run(Congestion(), [0.0] * 3, backlogged=True)[-1] is Level.PAUSED


def test_a_pause_ends_and_gets_longer_each_time() -> None:
    """After three seconds it is tried again; a line that fails again waits twice as long."""
    line = Congestion()
    run(line, [0.2] * 3)
    assert run(line, [0.0] * 3, start=4) == [0, 0, 3]
    run(line, [0.2] * 3, start=7)
    assert run(line, [0.0] * 6, start=10) == [0, 0, 0, 0, 0, 3]


def test_a_good_line_gets_the_large_layer_back() -> None:
    """Five good seconds after stepping down."""
    line = Congestion()
    run(line, [0.2] * 3, layered=True)
    assert run(line, [0.0] * 7, layered=True, start=4)[-1] is Level.FULL


def test_the_estimate_follows_loss() -> None:
    """Five percent up on a good line, half the loss down on a bad one, within bounds."""
    line = Congestion()
    run(line, [0.4])
    assert round(line.rate) == round(MAX_BITRATE * 0.8)
    run(line, [0.05], start=2)
    assert round(line.rate) == round(MAX_BITRATE * 0.8)
    run(line, [0.0], start=3)
    assert round(line.rate) == round(MAX_BITRATE * 0.84)
    run(line, [0.9] * 50, start=4)
    assert line.rate == MIN_BITRATE


def test_one_bad_viewer_cannot_spoil_the_record() -> None:
    """The least viewer decides, but a recorded publisher keeps its floor."""
    assert allowed_bitrate([2e6, 3e5], recorded=False) == 300_000
    assert allowed_bitrate([2e6, 1e5], recorded=True) == RECORDED_FLOOR
    assert allowed_bitrate([], recorded=True) == MAX_BITRATE


def test_a_publishers_own_line_is_asked_for_no_more_than_it_carries() -> None:
    """Much lost before repair: a little less than what came through, also below the floor; a good line grows again."""
    line = Uplink()
    line.update(0, 100, 70_000)
    assert line.rate == MAX_BITRATE
    line.update(50, 200, 70_000 + 18_000)
    assert round(line.rate) == round(18_000 * 8 * 0.85)
    assert allowed_bitrate([], recorded=True, own=line.rate) == round(18_000 * 8 * 0.85) < RECORDED_FLOOR
    line.update(65, 300, 100_000)  # neither good nor hopeless
    assert round(line.rate) == round(18_000 * 8 * 0.85)
    line.update(65, 400, 110_000)
    assert round(line.rate) == round(18_000 * 8 * 0.85 * 1.05)
    line.update(465, 800, 110_100)
    assert line.rate == MIN_BITRATE
    line.update(0, 0, 0)  # its streams were replaced
    assert line.rate > MIN_BITRATE
