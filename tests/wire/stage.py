"""A page that publishes and watches through the open relay, for real browsers, and what it says it saw and heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page

from bench.lab.recorders import recorders_in
from bench.open_relay import Door, Rooms
from core.clock import SystemClock
from media import commands
from tests.wire.peers import FakeRecorders, relay

TONE_HZ = 660
PAGE = """<!doctype html><video id="view" autoplay muted playsinline></video><script>
window.servers = {}; window.blocked = /^never$/; window.codec = "";
async function exchange(connection, url) {
  const offer = await connection.createOffer();
  offer.sdp = offer.sdp.replace(/a=rtpmap:(\\d+) opus.*\\r\\n/g, (line, type) => line + `a=rtcp-fb:${type} nack\\r\\n`);
  await connection.setLocalDescription(offer);
  const answer = await fetch(url, {method: "POST", headers: {"content-type": "application/sdp"},
    body: connection.localDescription.sdp});
  if (answer.status !== 201) throw new Error(await answer.text());
  const sdp = (await answer.text()).split("\\r\\n").filter(line => !blocked.test(line)).join("\\r\\n");
  await connection.setRemoteDescription({type: "answer", sdp});
}
function tone(hertz) {
  const context = new AudioContext(), source = context.createOscillator();
  const out = context.createMediaStreamDestination();
  source.frequency.value = hertz; source.connect(out); source.start();
  return out.stream.getAudioTracks()[0];
}
function prefer(transceiver, side) {
  const codecs = side.getCapabilities("video").codecs.filter(one => one.mimeType === `video/${codec}`);
  if (codec) transceiver.setCodecPreferences(codecs);
}
async function publish(url, hertz) {
  const camera = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480}, audio: !hertz});
  window.connection = new RTCPeerConnection(servers);
  connection.addTransceiver(hertz ? tone(hertz) : camera.getAudioTracks()[0], {direction: "sendonly"});
  const sendEncodings = [{scalabilityMode: "L1T2"}];
  prefer(connection.addTransceiver(camera.getVideoTracks()[0], {direction: "sendonly", sendEncodings}), RTCRtpSender);
  await exchange(connection, url);
}
async function watch(url, hertz) {
  window.connection = new RTCPeerConnection(servers);
  connection.addTransceiver("audio", {direction: "recvonly"});
  prefer(connection.addTransceiver("video", {direction: "recvonly"}), RTCRtpReceiver);
  const stream = new MediaStream();
  connection.ontrack = event => {
    stream.addTrack(event.track);
    view.srcObject = stream;
    if (event.track.kind === "audio") listen(new MediaStream([event.track]), hertz);
  };
  window.times = [];
  const seen = now => { times.push(now); view.requestVideoFrameCallback(seen); };
  view.requestVideoFrameCallback(seen);
  await exchange(connection, url);
  while (!times.length) await new Promise(done => setTimeout(done, 20));
}
function listen(stream, hertz) {
  const player = new Audio(); player.srcObject = stream; player.muted = true; player.play();
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 4096; analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(stream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const bin = Math.round(hertz * analyser.fftSize / context.sampleRate);
  window.heard = [];
  setInterval(() => {
    analyser.getFloatFrequencyData(bins);
    let best = 0;
    for (let index = 1; index < bins.length; index++) if (bins[index] > bins[best]) best = index;
    heard.push(bins[best] > -60 && Math.abs(best - bin) <= 2);
  }, 100);
}
async function energy() {
  for (const one of (await connection.getStats()).values())
    if (one.type === "inbound-rtp" && one.kind === "audio") return one.totalAudioEnergy;
}
async function relayProtocol() {
  const all = await connection.getStats();
  const pair = [...all.values()].find(one => one.type === "candidate-pair" && one.nominated);
  return all.get(pair.localCandidateId).relayProtocol;
}
function start() { times = [performance.now()]; heard = []; }
function result() {
  const all = [...times, performance.now()];
  const gaps = all.slice(1).map((time, index) => time - all[index]);
  return {frames: times.length, longest: Math.max(...gaps), heard: heard.filter(Boolean).length / heard.length};
}
</script>"""


@asynccontextmanager
async def site(
    directory: Path | None = None, **settings: Any
) -> AsyncIterator[tuple[Any, Any, str, list[commands.Event]]]:
    """A relay with open WHIP and WHEP, a page that uses them, the recorders, and all events.

    With a ``directory`` the product's recorder writes there, and has closed its chains at the end.
    """
    recorders = FakeRecorders() if directory is None else await recorders_in(directory, SystemClock())
    async with relay(recorders, **settings) as service:
        rooms = Rooms(service, record=True)
        events: list[commands.Event] = []
        take = rooms._emit
        rooms._emit = lambda event: (events.append(event), take(event))
        app = Door(rooms).application()

        async def page(_request: web.Request) -> web.Response:
            return web.Response(text=PAGE, content_type="text/html")

        app.router.add_get("/", page)
        runner = web.AppRunner(app)
        await runner.setup()
        served = web.TCPSite(runner, "127.0.0.1", 0)
        await served.start()
        port = served._server.sockets[0].getsockname()[1]
        try:
            yield service, recorders, f"http://127.0.0.1:{port}/", events
        finally:
            await runner.cleanup()
            await asyncio.wait_for(rooms.close(), 20)


async def pair(opened: Browser, address: str, before: str = "") -> Page:
    """One page publishes, the other watches; returns the latter once it has a picture. ``before`` runs in both."""
    one, other = await opened.new_page(), await opened.new_page()
    for page in (one, other):
        await page.goto(address)
        await page.evaluate(before)
    await one.evaluate(f"publish('/whip/room/a', {TONE_HZ})")
    await asyncio.wait_for(other.evaluate(f"watch('/whep/room/a', {TONE_HZ})"), 20)
    return other
