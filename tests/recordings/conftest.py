import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import synthetic
from studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A studio with an empty data directory."""
    return Studio(tmp_path / "var")


@pytest.fixture
def finished(studio: Studio) -> Studio:
    """Six seconds of one participant's picture and sound, closed."""
    sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
    studio.begin().play(synthetic.merged(synthetic.audio_stream(sound, 6), synthetic.video_stream(picture, 6)))
    studio.close()
    return studio
