/** How long to wait before trying again. */

/**
 * Milliseconds before attempt `attempt` (0 is the first retry): grows from `first`, never above `most`, spread by
 * half so that a hundred endpoints do not come back in the same instant.
 */
export function delayBefore(attempt, { first = 400, most = 5000, random = Math.random } = {}) {
  const full = Math.min(most, first * 2 ** Math.min(attempt, 16));
  return Math.round(full / 2 + (random() * full) / 2);
}

/** Resolve after `ms`, or at once when `signal` aborts. */
export function pause(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
