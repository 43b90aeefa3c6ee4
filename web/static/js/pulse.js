/**
 * Whether a connection that calls itself connected still hears the other end. A browser says so only after five to eight
 * seconds without an answer to its connectivity checks; a call should not be mute for as long.
 */

const DEAF_AFTER = 3000;
const UNANSWERED = 2;

/** What statistics say of the pair in use: all that it `heard` so far, how many checks it `asked`; else `null`. */
export function life(stats) {
  const all = [...stats];
  const chosen = all.find((one) => one.type === "transport")?.selectedCandidatePairId;
  const pair = all.find((one) => one.type === "candidate-pair" && (chosen ? one.id === chosen : one.nominated));
  if (!pair || !Number.isFinite(pair.requestsSent) || !Number.isFinite(pair.responsesReceived)) return null;
  const { id, bytesReceived = 0, responsesReceived, requestsReceived = 0, requestsSent } = pair;
  return { heard: [id, bytesReceived, responsesReceived, requestsReceived].join(), asked: requestsSent };
}

/** One connection, looked at again and again. */
export class Pulse {
  #heard = null;
  #asked = 0;
  #since = 0;

  /**
   * Take what `life` found at `now`, in milliseconds; return whether nothing was heard for three seconds, neither media
   * nor an answer, though two checks went out meanwhile. Where statistics do not say, never.
   */
  deaf(found, now) {
    if (!found || found.heard !== this.#heard) {
      this.#heard = found?.heard ?? null;
      this.#asked = found?.asked ?? 0;
      this.#since = now;
      return false;
    }
    return now - this.#since >= DEAF_AFTER && found.asked - this.#asked >= UNANSWERED;
  }
}
