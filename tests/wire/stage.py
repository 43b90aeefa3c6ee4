"""A page that publishes and watches through the open relay, for real browsers, and what it says it saw and heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
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
  window.resource = answer.headers.get("location");
  const sdp = (await answer.text()).split("\\r\\n").filter(line => !blocked.test(line)).join("\\r\\n");
  await connection.setRemoteDescription({type: "answer", sdp});
}
async function restart() {
  const offer = await connection.createOffer({iceRestart: true});
  await connection.setLocalDescription(offer);
  const [ufrag, pwd] = ["ice-ufrag", "ice-pwd"].map(name => new RegExp(`a=${name}:.*`));
  const headers = {"content-type": "application/trickle-ice-sdpfrag", "if-match": "*"};
  const body = [ufrag, pwd].map(line => `${line.exec(offer.sdp)}\\r\\n`).join("");
  const response = await fetch(resource, {method: "PATCH", body, headers});
  if (response.status !== 200) throw new Error(await response.text());
  const fragment = await response.text();
  let {sdp} = connection.remoteDescription;
  for (const line of [ufrag, pwd]) sdp = sdp.replace(new RegExp(line, "g"), line.exec(fragment)[0]);
  await connection.setRemoteDescription({type: "answer", sdp});
}
async function ufrags() {
  const transport = [...(await connection.getStats()).values()].find(one => one.type === "transport");
  return [transport.iceLocalUsernameFragment, /a=ice-ufrag:(.*)/.exec(connection.localDescription.sdp)[1]];
}
async function relayed(server) {
  const probe = new RTCPeerConnection({iceServers: [server], iceTransportPolicy: "relay"});
  probe.createDataChannel("x");
  const found = [];
  probe.onicecandidate = event => event.candidate?.type === "relay" && found.push(event.candidate.relayProtocol);
  await probe.setLocalDescription();
  while (probe.iceGatheringState !== "complete") await new Promise(done => probe.onicegatheringstatechange = done);
  probe.close();
  return found;
}
function clap() {
  const canvas = Object.assign(document.createElement("canvas"), {width: 320, height: 240});
  const paper = canvas.getContext("2d"), context = new AudioContext(), source = context.createOscillator();
  const volume = context.createGain(), out = context.createMediaStreamDestination();
  source.frequency.value = 1000; volume.gain.value = 0; source.connect(volume).connect(out); source.start();
  let lit = -1, shift = 0;
  setInterval(() => {
    volume.gain.setValueAtTime(0.8, context.currentTime + 0.1);
    volume.gain.setValueAtTime(0, context.currentTime + 0.25);
    lit = performance.now() + 100;
  }, 1000);
  setInterval(() => {
    const now = performance.now();
    paper.fillStyle = now >= lit && now < lit + 150 ? "#fff" : "#222";
    paper.fillRect(0, 0, 320, 240);
    paper.fillStyle = "#555"; paper.fillRect(shift++ % 300, 200, 20, 20);
  }, 10);
  return [out.stream.getAudioTracks()[0], canvas.captureStream(30).getVideoTracks()[0]];
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
  await send(url, hertz ? tone(hertz) : camera.getAudioTracks()[0], camera.getVideoTracks()[0]);
}
async function send(url, sound, picture) {
  window.connection = new RTCPeerConnection(servers);
  connection.addTransceiver(sound, {direction: "sendonly"});
  const sendEncodings = [{scalabilityMode: "L1T2"}];
  prefer(connection.addTransceiver(picture, {direction: "sendonly", sendEncodings}), RTCRtpSender);
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
async function heed() {
  const paper = Object.assign(document.createElement("canvas"), {width: 8, height: 8}).getContext("2d");
  window.flashes = []; window.beeps = [];
  let lit = false;
  const look = (now, frame) => {
    paper.drawImage(view, 0, 0, 8, 8);
    const white = paper.getImageData(4, 2, 1, 1).data[0] > 150;
    if (white && !lit) flashes.push(frame.expectedDisplayTime);
    lit = white;
    view.requestVideoFrameCallback(look);
  };
  view.requestVideoFrameCallback(look);
  const context = new AudioContext();
  const worklet = `registerProcessor("ear", class extends AudioWorkletProcessor {
    process([[samples]]) {
      const loud = samples?.findIndex(sample => Math.abs(sample) > 0.05) ?? -1;
      if (loud >= 0 && currentTime - (this.last ?? 0) > 0.3) this.port.postMessage(currentTime + loud / sampleRate);
      if (loud >= 0) this.last = currentTime;
      return true;
    }
  })`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], {type: "text/javascript"})));
  const ear = new AudioWorkletNode(context, "ear");
  ear.port.onmessage = ({data}) => {
    const {contextTime, performanceTime} = context.getOutputTimestamp();
    beeps.push(performanceTime + (data - contextTime) * 1000);
  };
  const sound = new MediaStream(view.srcObject.getAudioTracks());
  context.createMediaStreamSource(sound).connect(ear).connect(context.destination);
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
    async with AsyncExitStack() as stack:
        recorders: Any = FakeRecorders()
        if directory is not None:
            recorders = await stack.enter_async_context(recorders_in(directory, SystemClock()))
        service = await stack.enter_async_context(relay(recorders, **settings))
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


async def pair(opened: Browser, address: str, before: str = "", *, sends: str = f"publish(url, {TONE_HZ})") -> Page:
    """One page publishes, the other watches; returns the latter once it has a picture. ``before`` runs in both."""
    one, other = await opened.new_page(), await opened.new_page()
    for page in (one, other):
        await page.goto(address)
        await page.evaluate(before)
    await one.evaluate(f"(url => {sends})('/whip/room/a')")
    await asyncio.wait_for(other.evaluate(f"watch('/whep/room/a', {TONE_HZ})"), 20)
    return other
