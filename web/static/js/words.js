/** Words for states, roles and lines, each in one place so that the same thing is always called the same. */

import { listed, t } from "./texts.js";

/** What a person is in the session. */
export function roleName(role) {
  const names = {
    officer: t("Officer"),
    cooperating_officer: t("Co-operating officer"),
    duty_officer: t("Duty officer"),
    lawyer: t("Lawyer"),
    detainee: t("Person in custody"),
    witness: t("Witness"),
    victim: t("Victim"),
    guardian: t("Guardian"),
    interpreter: t("Interpreter"),
    operator: t("Operator"),
    synthetic: t("Synthetic participant"),
  };
  return names[role] || t("Participant");
}

/** What an endpoint is. */
export function endpointName(role) {
  const names = {
    host: t("Host"),
    post: t("Duty post"),
    party: t("Participant"),
    guest: t("Guest"),
    room: t("Room"),
  };
  return names[role] || t("Participant");
}

/** `{bars, word}` for a `LineView`: three bars and "Line good", down to none and "No line". */
export function lineWords(line) {
  if (!line) return { bars: 0, word: t("Line not measured yet") };
  const loss = Math.max(line.up_loss, line.down_loss);
  const delay = line.rtt_ms ?? 0;
  if (loss < 0.02 && delay < 250) return { bars: 3, word: t("Line good") };
  if (loss < 0.08 && delay < 600) return { bars: 2, word: t("Line fair") };
  return { bars: 1, word: t("Line poor") };
}

/** The figures behind `lineWords`, for the list of people. */
export function lineFigures(line) {
  if (!line) return "";
  const loss = (Math.max(line.up_loss, line.down_loss) * 100).toFixed(1);
  if (line.rtt_ms === null) return t("{loss} % lost, {way}", { loss, way: wayName(line.way) });
  const delay = Math.round(line.rtt_ms);
  return t("{loss} % lost, {delay} ms, {way}", { loss, delay, way: wayName(line.way) });
}

/** What a picture of a room shows, empty for the terminal's own. */
export function viewName(publication) {
  return { close: t("Close view"), wide: t("Wide view") }[publication] || "";
}

/** A camera of a room: what it shows, where it comes from, and whether it is away. */
export function cameraWords(camera) {
  const from = { whip: t("from an encoder"), rtsp: t("from a network camera") }[camera.way];
  return [viewName(camera.view), from, camera.state === "away" ? t("away") : ""].filter(Boolean).join(" · ");
}

/** How an endpoint is connected, for people. */
export function wayName(way) {
  if (way === "rtsp") return t("read by RTSP");
  if (way === "udp") return t("direct");
  if (way === "tcp") return t("direct over TCP");
  return way === "none" ? t("no way") : t("through a relay of the network");
}

/** Microphone, camera and page of an endpoint, only what is not as it should be. */
export function deviceWords({ audio, video, hidden = false }) {
  const words = hidden ? [t("page in the background")] : [];
  if (audio === "off") words.push(t("microphone off"));
  if (audio === "lost") words.push(t("microphone lost"));
  if (video === "off") words.push(t("camera off"));
  if (video === "lost") words.push(t("camera lost"));
  return words;
}

/** The same in one line. Each is a sentence of its own, so that nothing but a comma joins them. */
export function deviceLine(states) {
  return deviceWords(states).join(t(", "));
}

/** Everybody at an endpoint: "Li Na and Wang Wei", or what the endpoint is called. */
export function whoIsAt(endpoint) {
  const names = endpoint.persons.map((person) => person.name).filter(Boolean);
  return names.length ? listed(names) : endpoint.label || endpointName(endpoint.role);
}

/** What is recorded, as a heading and a sentence. */
export function policyWords(policy) {
  if (policy === "attendance") {
    return {
      short: t("Not recorded, nobody listens"),
      long: t(
        "Not recorded, nobody listens, forwarded by the server, not yet end-to-end encrypted. Only the time and who was connected are kept.",
      ),
    };
  }
  return {
    short: t("Picture and sound are recorded"),
    long: t(
      "Picture and sound of everybody are recorded from the first moment, also during breaks, until the end. The record cannot be switched off or cut.",
    ),
  };
}

/** Roles still missing, in words. */
export function missingWords(missing) {
  return missing.length ? t("Still missing: {who}.", { who: listed([...new Set(missing.map(roleName))]) }) : "";
}

/** What to say while the WebSocket is not open; empty when there is nothing to say. */
export function connectionWords(state, view) {
  const recorded = view?.policy === "clear" && view.recording === "on";
  const lost = recorded
    ? t("Connection lost, reconnecting… The recording goes on.")
    : t("Connection lost, reconnecting…");
  return { lost, offline: t("This device has no network. You are back as soon as it has.") }[state] || "";
}
