/**
 * A round trip through the relay's echo: what we send comes back for some seconds and is measured.
 *
 * Resolves with `{ok, loss, delayMs, way}`: loss as a fraction of both directions, delay as the round trip in ms,
 * way `udp`, `tcp` or `turn-…`; `ok` false means that nothing came back.
 */

import { dropResource, postOffer } from "./exchange.js";
import { localOffer } from "./medialink.js";
import { iceServers } from "./publisher.js";
import { silentTrack } from "./sound.js";

const CONNECT = 8000;
const LONGEST = 9000;

export async function testLine(tracks, { seconds = 4, progress = () => {} } = {}) {
  const connection = new RTCPeerConnection({ iceServers: await servers(), bundlePolicy: "max-bundle" });
  let resource = null;
  try {
    addTracks(connection, tracks);
    const posted = await postOffer("/echo", await localOffer(connection), null);
    resource = posted.resource;
    await connection.setRemoteDescription({ type: "answer", sdp: posted.answer });
    await connected(connection);
    return await measure(connection, Math.min(seconds * 1000, LONGEST), progress);
  } catch (error) {
    return { ok: false, loss: 1, delayMs: 0, way: "none", text: error.text || "" };
  } finally {
    if (resource) dropResource(resource, null);
    connection.close();
  }
}

/** TURN servers for this check; none where the site has none or does not answer. */
async function servers() {
  const options = { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(3000) };
  try {
    const response = await fetch("/echo", options);
    return response.ok ? iceServers(await response.json()) : [];
  } catch {
    return [];
  }
}

function addTracks(connection, { audio, video }) {
  connection.addTransceiver(audio || silentTrack(), { direction: "sendrecv" });
  if (video) connection.addTransceiver(video, { direction: "sendrecv" });
}

function connected(connection) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no way to the server")), CONNECT);
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "connected") (clearTimeout(timer), resolve());
      if (connection.connectionState === "failed") (clearTimeout(timer), reject(new Error("no way to the server")));
    });
  });
}

async function measure(connection, length, progress) {
  const steps = Math.round(length / 500);
  for (let step = 1; step <= steps; step++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    progress(step / steps);
  }
  return judge([...(await connection.getStats()).values()]);
}

/** Read a list of RTCStats objects; pure. */
export function judge(stats) {
  const inbound = stats.filter((one) => one.type === "inbound-rtp");
  const received = sum(inbound, "packetsReceived");
  const lost = Math.max(0, sum(inbound, "packetsLost"));
  const pair = stats.find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
  const local = stats.find((one) => one.id === pair?.localCandidateId);
  const trips = stats
    .filter((one) => one.type === "remote-inbound-rtp")
    .map((one) => one.roundTripTime)
    .filter(Boolean);
  const trip = pair?.currentRoundTripTime ?? (trips.length ? Math.min(...trips) : 0);
  return {
    ok: received > 0,
    loss: received ? lost / (lost + received) : 1,
    delayMs: Math.round(trip * 1000),
    way: wayOf(local),
  };
}

function sum(list, name) {
  return list.reduce((total, one) => total + (one[name] || 0), 0);
}

function wayOf(candidate) {
  if (!candidate) return "none";
  return candidate.candidateType === "relay" ? `turn-${candidate.relayProtocol || "udp"}` : candidate.protocol || "udp";
}
