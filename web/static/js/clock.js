/** The server's clock as seen from here: the device's own clock may be wrong by hours. */

let offset = 0;

/** Take over the instant the server just sent (ISO 8601 or ms). */
export function setServerTime(instant) {
  offset = new Date(instant).getTime() - Date.now();
}

/** Now, by the server's clock, in ms since the epoch. */
export function serverNow() {
  return Date.now() + offset;
}

/** Call `work` now and once a second; returns a function that stops it. */
export function everySecond(work) {
  work();
  const timer = setInterval(work, 1000);
  return () => clearInterval(timer);
}
