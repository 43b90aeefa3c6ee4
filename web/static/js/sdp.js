/** Session descriptions, as text in and text out (RFC 8866); nothing here touches a connection. */

/** Payload type of the first codec `name` of media `kind` in `sdp`, or `null`. */
export function payloadOf(sdp, name) {
  const found = sdp.match(new RegExp(`^a=rtpmap:(\\d+) ${name}/`, "im"));
  return found ? found[1] : null;
}

/**
 * Ask for repair of lost Opus packets (RFC 4585 generic NACK) and for in-band error correction (RFC 7587); take
 * discontinuous transmission out, since a record must not have holes. Text that holds no Opus is returned as it is.
 */
export function prepareOpus(sdp) {
  const payload = payloadOf(sdp, "opus");
  if (!payload) return sdp;
  const lines = sdp.split("\r\n");
  const format = `a=fmtp:${payload} `;
  const at = lines.findIndex((line) => line.startsWith(format));
  if (at >= 0) lines[at] = format + opusParameters(lines[at].slice(format.length));
  const nack = `a=rtcp-fb:${payload} nack`;
  if (!lines.includes(nack)) lines.splice(lines.findIndex((l) => l.startsWith(`a=rtpmap:${payload} `)) + 1, 0, nack);
  return lines.join("\r\n");
}

function opusParameters(text) {
  const kept = text
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part && !/^(usedtx|useinbandfec)=/.test(part));
  return [...kept, "useinbandfec=1"].join(";");
}

/** The codecs of a capability list with VP8 first; the order of the others is kept. */
export function preferVp8(codecs) {
  const isVp8 = (codec) => /\/vp8$/i.test(codec.mimeType);
  return [...codecs.filter(isVp8), ...codecs.filter((codec) => !isVp8(codec))];
}

/** Offer VP8 first where the browser lets itself be asked; the server answers with what it takes anyway. */
export function wishVp8(transceiver, side) {
  const codecs = side.getCapabilities?.("video")?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  try {
    transceiver.setCodecPreferences(preferVp8(codecs));
  } catch {
    // the browser's own order will do
  }
}
