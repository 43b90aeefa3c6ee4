/** What the browser remembers. A browser that forbids it (private mode) simply forgets. */

/** A JSON value under `key` in `area` (`localStorage`, `sessionStorage`). */
export class Memory {
  constructor(key, area = "localStorage") {
    this.key = `yuanjian.${key}`;
    this.area = area;
  }

  get() {
    try {
      return JSON.parse(globalThis[this.area].getItem(this.key)) ?? null;
    } catch {
      return null;
    }
  }

  set(value) {
    try {
      globalThis[this.area].setItem(this.key, JSON.stringify(value));
    } catch {
      // nothing is remembered then
    }
  }

  clear() {
    try {
      globalThis[this.area].removeItem(this.key);
    } catch {
      // nothing was remembered
    }
  }
}
