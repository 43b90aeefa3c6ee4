"""A standard WHIP encoder as a room's camera: FFmpeg's muxer in PyAV's wheel."""

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from bench.open_relay import Door, Rooms
from tests.wire.coturn import certificate
from tests.wire.peers import FakeRecorders, relay


async def test_ffmpegs_whip_muxer_is_a_camera(tmp_path: Path) -> None:
    """H.264 and Opus of the muxer arrive decrypted; it offers setup:passive and is given a P-256 certificate."""
    recorders = FakeRecorders()
    async with relay(recorders) as service:
        runner = web.AppRunner(Door(Rooms(service, record=True)).application())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        encoder = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.wire.whip_encoder", f"http://127.0.0.1:{port}/whip/room/camera",
            *map(str, certificate(tmp_path)),
        )  # fmt: skip
        try:
            async with asyncio.timeout(30):
                while sum(map(len, recorders.made[0].packets.values()) if recorders.made else ()) < 60:
                    assert encoder.returncode is None
                    await asyncio.sleep(0.05)
        finally:
            encoder.kill()
            await encoder.wait()
            await runner.cleanup()
        codecs = {track.kind: track.codec for track in recorders.made[0].tracks.values()}
        assert codecs == {"video": "h264", "audio": "opus"}
