/** Sounds and levels: one audio context per page, made at the first use. */

let context;

function audio() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume().catch(() => {});
  return context;
}

/** Call `show(level)` about 15 times a second with the loudness of `track`, 0 to 1; returns a function that stops. */
export function watchLevel(track, show) {
  const source = audio().createMediaStreamSource(new MediaStream([track]));
  const analyser = audio().createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    show(loudness(samples));
  }, 66);
  return () => {
    clearInterval(timer);
    source.disconnect();
  };
}

/** Root mean square of `samples` on a scale on which quiet speech is about 0.4 and a shout is 1. */
export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-10);
  return Math.min(1, Math.max(0, (decibels + 60) / 54));
}

/** Play three rising notes on `speaker` (a device id, or empty for the default). */
export async function playTone(speaker = "") {
  const output = audio();
  if (speaker && output.setSinkId) await output.setSinkId(speaker).catch(() => {});
  [523, 659, 784].forEach((pitch, step) => note(pitch, output.currentTime + step * 0.35, 0.3, 0.25));
}

/** A knock: somebody waits at the door. */
export function playKnock() {
  const now = audio().currentTime;
  note(180, now, 0.12, 0.5);
  note(180, now + 0.2, 0.12, 0.5);
}

function note(pitch, start, length, volume) {
  const oscillator = audio().createOscillator();
  const gain = audio().createGain();
  oscillator.frequency.value = pitch;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(volume, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, start + length);
  oscillator.connect(gain).connect(audio().destination);
  oscillator.start(start);
  oscillator.stop(start + length + 0.05);
}

/** A track of silence, for a line test without a microphone. */
export function silentTrack() {
  return audio().createMediaStreamDestination().stream.getAudioTracks()[0];
}
