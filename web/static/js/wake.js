/** Keep the screen on while a session runs, where the device can. */

let lock = null;
let wanted = false;

export async function keepAwake() {
  wanted = true;
  if (lock || !navigator.wakeLock || document.visibilityState !== "visible") return;
  lock = await navigator.wakeLock.request("screen").catch(() => null);
  lock?.addEventListener("release", () => (lock = null));
}

document.addEventListener("visibilitychange", () => wanted && document.visibilityState === "visible" && keepAwake());
