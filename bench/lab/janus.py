"""Janus videoroom from Debian's package, driven over its WebSocket API."""

import asyncio
import itertools
import json
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from bench.lab.machine import end
from bench.lab.participant import Participant

CONFIG = """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "{plugins}"
    transports_folder = "{transports}"
    events_folder = "{folder}"
    loggers_folder = "{folder}"
    debug_level = 2
    admin_secret = "unused"
    no_webrtc_encryption = false
}}
media: {{ rtp_port_range = "20000-40000" }}
nat: {{ ice_enforce_list = "{host}" }}
plugins: {{ disable = "{other_plugins}" }}
transports: {{ disable = "{other_transports}" }}
"""
WEBSOCKETS = 'general: {{ json = "compact" ws = true ws_port = {port} ws_ip = "127.0.0.1" }}\n'
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu/janus")


def installed() -> bool:
    return shutil.which("janus") is not None and LIBRARIES.exists()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Janus:
    """One Janus process and one session with it."""

    def __init__(self, directory: Path, host: str, *, record: bool) -> None:
        self._directory, self._host, self._record = directory, host, record
        self._numbers = itertools.count(1)
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._acknowledged: set[str] = set()
        """Requests for which an acknowledgement is the whole answer."""
        self._rooms: dict[str, int] = {}
        self._feeds: dict[tuple[str, str], int] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self._socket: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """Start the process and the session; return the process id."""
        port = free_port()
        others = [path.name for path in (LIBRARIES / "plugins").glob("*.so") if "videoroom" not in path.name]
        transports = [path.name for path in (LIBRARIES / "transports").glob("*.so") if "websockets" not in path.name]
        folder = self._directory / "janus"
        folder.mkdir(parents=True)
        (folder / "janus.jcfg").write_text(
            CONFIG.format(
                folder=folder, plugins=LIBRARIES / "plugins", transports=LIBRARIES / "transports", host=self._host,
                other_plugins=",".join(others), other_transports=",".join(transports),
            )
        )  # fmt: skip
        (folder / "janus.transport.websockets.jcfg").write_text(WEBSOCKETS.format(port=port))
        (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
        self._http = aiohttp.ClientSession()
        with (folder / "log").open("wb") as output:
            self.process = subprocess.Popen(
                ["janus", "-F", str(folder), "-C", str(folder / "janus.jcfg")], stdout=output, stderr=output
            )
        for _ in range(100):
            try:
                self._socket = await self._http.ws_connect(
                    f"ws://127.0.0.1:{port}", protocols=["janus-protocol"], max_msg_size=1 << 22
                )
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
        else:
            raise RuntimeError("Janus did not start")
        self._tasks.append(asyncio.create_task(self._read()))
        self._session = (await self._ask("create"))["data"]["id"]
        self._tasks.append(asyncio.create_task(self._keep_alive()))
        self._control = await self._attach()
        return self.process.pid

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(20)
            await self._ask("keepalive", final="ack")

    async def _read(self) -> None:
        async for message in self._socket:
            body = json.loads(message.data)
            waiting = self._answers.get(body.get("transaction", ""))
            final = body["janus"] != "ack" or body.get("transaction") in self._acknowledged
            if waiting is not None and not waiting.done() and final:
                waiting.set_result(body)

    async def _ask(self, verb: str, *, final: str = "", **fields: Any) -> dict[str, Any]:
        transaction = str(next(self._numbers))
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if final == "ack":
            self._acknowledged.add(transaction)
        self._answers[transaction] = future
        if hasattr(self, "_session"):
            fields["session_id"] = self._session
        await self._socket.send_json({"janus": verb, "transaction": transaction, **fields})
        answer = await asyncio.wait_for(future, 20)
        del self._answers[transaction]
        data = answer.get("plugindata", {}).get("data", {})
        if answer["janus"] == "error" or "error" in data:
            raise RuntimeError(json.dumps(answer))
        return answer

    async def _attach(self) -> int:
        answer = await self._ask("attach", plugin="janus.plugin.videoroom")
        handle: int = answer["data"]["id"]
        return handle

    async def _message(self, handle: int, body: dict[str, Any], sdp: dict[str, str] | None = None) -> dict[str, Any]:
        more = {"jsep": sdp} if sdp else {}
        return await self._ask("message", handle_id=handle, body=body, **more)

    async def _room(self, name: str) -> int:
        if name not in self._rooms:
            number = self._rooms[name] = 1000 + len(self._rooms)
            recordings = self._directory / "recordings"
            recordings.mkdir(exist_ok=True)
            await self._message(
                self._control,
                {
                    "request": "create", "room": number, "publishers": 10, "audiocodec": "opus", "videocodec": "vp8",
                    "record": self._record, "rec_dir": str(recordings), "bitrate": 0, "fir_freq": 10,
                },
            )  # fmt: skip
        return self._rooms[name]

    async def publish(self, room: str, who: str, participant: Participant) -> None:
        number, handle = await self._room(room), await self._attach()
        joined = await self._message(handle, {"request": "join", "ptype": "publisher", "room": number})
        self._feeds[room, who] = joined["plugindata"]["data"]["id"]
        offer = {"type": "offer", "sdp": participant.offer()}
        answer = await self._message(handle, {"request": "publish"}, offer)
        await participant.connect(answer["jsep"]["sdp"])

    async def subscribe(self, room: str, who: str, whom: str, participant: Participant) -> None:
        handle = await self._attach()
        streams = [{"feed": self._feeds[room, whom]}]
        body = {"request": "join", "ptype": "subscriber", "room": self._rooms[room], "streams": streams}
        offered = await self._message(handle, body)
        offer = offered["jsep"]["sdp"]
        answer = {"type": "answer", "sdp": participant.answer(offer, "recvonly")}
        await self._message(handle, {"request": "start"}, answer)
        await participant.connect(offer)

    async def delays(self) -> None:
        """Janus does not say how long packets are inside it."""

    async def stop(self) -> None:
        """End the process, which takes its sessions with it; asked politely to close them it can take minutes."""
        for task in self._tasks:
            task.cancel()
        if self.process is not None:
            await end(self.process)
            if self._socket is not None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._socket.close(), 1)
            await self._http.close()
