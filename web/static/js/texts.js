/**
 * Sentences and times in the reader's language.
 *
 * The English sentence is the key; the catalogue is fetched once from `texts/{locale}.js`. A sentence is
 * translated first and its `{name}` places are filled after. When the catalogue cannot be had, English is shown
 * rather than nothing.
 */

let locale = "zh-CN";
let zone;
let catalogue = {};

/** Load the catalogue of `wanted`; times are shown in `timeZone` (IANA name) from then on. */
export async function loadTexts(wanted, timeZone) {
  locale = wanted;
  zone = timeZone || undefined;
  catalogue = {};
  if (wanted === "en") return;
  try {
    catalogue = (await import(`../texts/${wanted}.js`)).default;
  } catch {
    catalogue = {};
  }
}

/** Return `sentence` in the reader's language with its `{name}` places filled; an unknown place stays visible. */
export function t(sentence, values = {}) {
  const found = catalogue[sentence] || sentence;
  return found.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** Hours, minutes (and seconds with `seconds`) of `instant` in the facility's zone. */
export function clockTime(instant, { seconds = false } = {}) {
  const style = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  if (seconds) style.second = "2-digit";
  return new Intl.DateTimeFormat(locale, style).format(new Date(instant));
}

/** Weekday, day and month of `instant` in the facility's zone. */
export function longDate(instant) {
  const style = { weekday: "long", month: "long", day: "numeric", timeZone: zone };
  return new Intl.DateTimeFormat(locale, style).format(new Date(instant));
}

/** A span of seconds as `m:ss` or `h:mm:ss`; spans below zero count as zero. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Names joined as the language does it: "A and B", "A和B". */
export function listed(names) {
  return new Intl.ListFormat(locale, { type: "conjunction" }).format(names);
}

export function currentLocale() {
  return locale;
}
