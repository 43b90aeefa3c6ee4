/** Questions about a `View`, answered in one place; pure. */

/** My own endpoint in `view`, or `undefined`. */
export function me(view) {
  return view.endpoints.find((one) => one.id === view.you);
}

/** Everybody but me. */
export function others(view) {
  return view.endpoints.filter((one) => one.id !== view.you);
}

/** How many endpoints send picture and sound, or will once they are let in: all but the duty post. */
export function sending(view) {
  return view.endpoints.filter((one) => one.role !== "post").length;
}

/** What I may receive now: `{endpoint, publication}`, in a steady order. */
export function receivable(view) {
  if (!view.rights.subscribe || view.state === "ended") return [];
  return others(view).flatMap((one) => one.publications.map((publication) => ({ endpoint: one.id, publication })));
}

/** Pictures of one room, the one that stands large by itself first: its close camera, the terminal's, the wide one. */
const ROOM_VIEWS = ["close", "camera", "wide"];

/**
 * What faces are on the stage now: the main ones and, beside them, the small ones. A shared screen stands alone; of
 * several pictures of one room the one `large` names for its endpoint (a map) does, or the closest.
 */
export function staged(view, large = new Map()) {
  const list = receivable(view);
  const screens = list.filter((one) => one.publication === "screen");
  if (screens.length) return { main: screens.slice(-1), side: list.filter((one) => one !== screens.at(-1)) };
  const isMain = (one) => one.publication === largeView(view, one.endpoint, large);
  return { main: list.filter(isMain), side: list.filter((one) => !isMain(one)) };
}

function largeView(view, id, large) {
  const there = view.endpoints.find((one) => one.id === id).publications;
  const wanted = large.get(id);
  return there.includes(wanted) ? wanted : ROOM_VIEWS.find((one) => there.includes(one));
}

/** The camera of a room that publishes as `publication`, or `undefined` for a terminal's own picture. */
export function roomCamera(endpoint, publication) {
  return (endpoint.cameras || []).find((one) => one.view === publication);
}

/** Who stands before the door. */
export function waiting(view) {
  return others(view).filter((one) => one.state === "waiting");
}

/** Which part of the page is shown: `lobby`, `live`, `held` or `ended`. */
export function scene(view) {
  if (view.state === "ended") return "ended";
  if (view.state === "held") return "held";
  const mine = me(view);
  const inside = !mine || mine.state !== "waiting";
  return view.state === "live" && inside ? "live" : "lobby";
}

/** Seconds until the end of the window, below zero when it is over. */
export function secondsLeft(view, now) {
  return (new Date(view.end).getTime() - now) / 1000;
}

/** Whether the record has not been confirmed for too long: nothing durable within `limit` ms while recording. */
export function recordStale(view, durable, now, limit = 4000) {
  if (view.policy !== "clear" || view.recording !== "on") return false;
  return now - new Date(durable || view.since).getTime() > limit;
}
