/** One's own streak: hits on the same gift within the window share an id. `now` is ms. No DOM. */
export const COMBO_MS = 3000 // the server's window; gifts/combos.py

export class Combo {
  #giftId = ''
  #id = ''
  #until = 0
  count = 0

  /** @param {string} giftId @param {number} quantity @param {number} now @param {() => string} newId */
  hit(giftId, quantity, now, newId) {
    if (!this.goesOn(giftId, now)) {
      this.#giftId = giftId
      this.#id = newId()
      this.count = 0
    }
    this.count += quantity
    this.#until = now + COMBO_MS
    return this.#id
  }

  /** @param {string} giftId @param {number} now */
  goesOn(giftId, now) {
    return giftId === this.#giftId && now < this.#until
  }

  end() {
    this.#until = 0
  }
}
