"""Lips and words in a finalised file, measured by what is seen and heard."""

import clapper
import pytest
from clapper import Clapper
from studio import Studio

from tests.campaigns import campaign, rounds, seed


@campaign
@pytest.mark.parametrize(("loss", "bound_ms"), [(0.0, 40), (0.1, 80)])
def test_flash_and_beep_of_one_instant_stay_together(tmp_path, loss, bound_ms):
    """Through an hour in which camera and sound card drift apart by 180 ms every flash stays beside its beep."""
    for number in range(rounds(1, 8)):
        arrived, claps = Clapper(60, loss=loss, seed=seed(4) + number).sent()
        studio = Studio(tmp_path / f"var-{number}")
        studio.begin().play(arrived, log=False).close()
        found = clapper.of_file(studio)
        assert len(claps) >= 0.9 * 180
        assert claps <= found.keys()
        apart = sorted(abs(found[clap]) for clap in claps)
        print(f"{len(apart)} claps, {loss:.0%} lost: median {apart[len(apart) // 2]:.1f}, worst {apart[-1]:.1f} ms")
        assert apart[-1] <= bound_ms
