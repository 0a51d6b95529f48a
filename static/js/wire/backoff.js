/** How long to wait before trying again: doubling, capped, with jitter. Durations are ms. */
const FIRST_MS = 400
const LONGEST_MS = 15_000

export class Backoff {
  #tries = 0
  /** @param {() => number} [random] between 0 and 1 */
  constructor(random = Math.random) {
    this.random = random
  }
  /** The next wait, between half and the whole of the doubled time. */
  next() {
    const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#tries)
    this.#tries += 1
    return whole / 2 + this.random() * whole / 2
  }
  /** It worked: start over. */
  reset() {
    this.#tries = 0
  }
  get tries() {
    return this.#tries
  }
}
