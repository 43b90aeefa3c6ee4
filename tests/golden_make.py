"""Makes the golden recording of the current format version: run once per version, then never again.

python tests/golden_make.py tests/golden/v1
"""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "recordings")]

import synthetic  # noqa: E402  beside the tests, found by the path above
from studio import Studio  # noqa: E402

from recordings.finalize import Finalizer  # noqa: E402


def main(place: Path) -> None:
    """Three seconds of one participant, a crash, two seconds more."""
    studio = Studio(place, "golden-1")
    studio.clock.set(datetime(2026, 11, 21, 10, 0, tzinfo=UTC))
    sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
    studio.begin().play(synthetic.merged(synthetic.audio_stream(sound, 3), synthetic.video_stream(picture, 3)))
    with studio.files.chain.open("ab") as file:
        file.write(b'{"torn')
    studio.crash()
    studio.clock.advance(4)
    studio.begin().play(synthetic.merged(synthetic.audio_stream(sound, 2), synthetic.video_stream(picture, 2)))
    studio.close()
    Finalizer(place, lambda: studio.site, studio.clock, studio.disk).run("golden-1")
    (place / "keys" / "site-signing.pem").unlink()
    studio.files.lock.unlink(missing_ok=True)


if __name__ == "__main__":
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    main(Path(sys.argv[1]))
