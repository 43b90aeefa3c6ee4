// Several films of one session on one clock: pure arithmetic over what is passed in, tested without a page.
//
// A film is {start, length} in milliseconds of the recording; `ms` is the moment shown.

/** Whether `film` has something to show at `ms`. */
export const covers = (film, ms) => ms >= film.start && ms < film.start + film.length;

/** `ms` kept inside a recording of `duration`. */
export const clamp = (ms, duration) => Math.min(Math.max(0, ms), duration);

/** The next moment of `marks` after `ms`, or the one before it; `null` when there is none. */
export function beside(marks, ms, forward) {
  const later = marks.filter((mark) => (forward ? mark > ms + 500 : mark < ms - 1500));
  if (!later.length) return null;
  return forward ? Math.min(...later) : Math.max(...later);
}

/** The speed after `speed` in `speeds`, or the one before it. */
export function nextSpeed(speeds, speed, faster) {
  const at = speeds.indexOf(speed) + (faster ? 1 : -1);
  return speeds[Math.min(Math.max(0, at), speeds.length - 1)];
}

/** A media time as `1:02:03`. */
export function clockOf(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** What a key asks for, as [act, value]; `null` for a key that is not ours. Keys with Ctrl, Alt or Meta are the browser's. */
export function keyAct(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (/^[1-9]$/.test(event.key)) return ["view", Number(event.key) - 1];
  const known = {
    " ": ["toggle"],
    k: ["toggle"],
    ArrowLeft: ["step", -5000],
    ArrowRight: ["step", 5000],
    j: ["step", -10000],
    l: ["step", 10000],
    ",": ["picture", -40],
    ".": ["picture", 40],
    "<": ["speed", false],
    ">": ["speed", true],
    m: ["mark", true],
    n: ["mark", false],
    g: ["gap", true],
    f: ["full"],
    Home: ["to", 0],
    End: ["to", Infinity],
  };
  return known[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? null;
}
