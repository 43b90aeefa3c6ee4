"""How long a tone was not heard: a continuous tone is sent, and the page that plays it listens to what it plays.

A receiver conceals what is missing by repeating what it has, ever more softly; the tone counts as not heard when it is
6 dB softer than it was sent.
"""

from dataclasses import dataclass

from playwright.async_api import Page

from tests.browser.stand import holds

HERTZ = 660
LEVEL = 0.5
"""Amplitude with which the tone is sent."""
SEND = f"""
const devices = navigator.mediaDevices, camera = devices.getUserMedia.bind(devices);
devices.getUserMedia = async (wanted) => {{
  const stream = await camera(wanted);
  for (const track of stream.getAudioTracks()) {{
    const context = new AudioContext(), source = context.createOscillator(), volume = context.createGain();
    const out = context.createMediaStreamDestination();
    source.frequency.value = {HERTZ}; volume.gain.value = {LEVEL};
    source.connect(volume).connect(out); source.start();
    stream.removeTrack(track); stream.addTrack(out.stream.getAudioTracks()[0]);
  }}
  return stream;
}};"""
"""Before a page's own scripts: whatever microphone it asks for holds the tone."""
LISTEN = """([selector, hertz, level]) => {
  const context = new AudioContext(), ear = context.createScriptProcessor(512, 1, 1);
  const turn = 2 * Math.PI * hertz / context.sampleRate;
  let playing, source;
  window.ear = {longest_ms: 0, silent_ms: 0, steady_ms: 0};
  ear.onaudioprocess = ({inputBuffer}) => {
    const samples = inputBuffer.getChannelData(0);
    let real = 0, imaginary = 0;
    for (const [at, sample] of samples.entries()) {
      real += sample * Math.cos(turn * at);
      imaginary += sample * Math.sin(turn * at);
    }
    const there = Math.hypot(real, imaginary) * 2 / samples.length > level / 2;
    const length = samples.length / context.sampleRate * 1000;
    window.ear.silent_ms = there ? 0 : window.ear.silent_ms + length;
    window.ear.steady_ms = there ? window.ear.steady_ms + length : 0;
    window.ear.longest_ms = Math.max(window.ear.longest_ms, window.ear.silent_ms);
    const [track] = document.querySelector(selector).srcObject.getAudioTracks();
    if (track === playing) return;
    source?.disconnect();
    playing = track;
    source = track && context.createMediaStreamSource(new MediaStream([track]));
    source?.connect(ear);
  };
  ear.connect(context.destination);
}"""
"""Follows the track that the element plays, as it changes."""


MADE_UP = """async (connection) => {
  let samples = 0;
  for (const one of (await connection.getStats()).values())
    if (one.type === "inbound-rtp" && one.kind === "audio") samples += one.concealedSamples;
  const before = connection === ear.connection ? ear.before : 0;
  return [connection, samples, (samples - before) / 48];
}"""
"""Sound that the receiver made up for what was late or lost: since we began, or since the connection did."""


@dataclass(frozen=True)
class Ear:
    """On a page: what the element ``selector`` plays, and the expression of the ``connection`` it comes by."""

    page: Page
    selector: str
    connection: str
    level: float = LEVEL

    async def open(self) -> None:
        """Listen from now on."""
        await self.page.evaluate(LISTEN, [self.selector, HERTZ, self.level])
        await holds(self.page, "ear.steady_ms > 500")

    async def begin(self) -> None:
        """Measure anew."""
        noted = "([connection, before]) => { Object.assign(ear, {connection, before, longest_ms: 0, silent_ms: 0}); }"
        await self.page.evaluate(f"({MADE_UP})({self.connection}).then({noted})")

    async def heard(self) -> dict[str, int]:
        """Wait until the tone is back for good; the longest time without it since then, and how much was made up."""
        await holds(self.page, "ear.steady_ms > 500")
        made_up = await self.page.evaluate(f"({MADE_UP})({self.connection}).then((found) => found[2])")
        return {"away_ms": round(await self.page.evaluate("ear.longest_ms")), "concealed_ms": round(made_up)}
