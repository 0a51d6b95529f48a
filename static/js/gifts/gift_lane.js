/** The lanes of gift banners over the video. Durations are ms; `now` is passed in. No DOM. */
const BANNER_MS = { 1: 4000, 2: 5000, 3: 5000, 4: 6000 }
const LANES_MAX = 3
const WAITING_MAX = 60

/**
 * @typedef {import('../wire/frames.js').GiftBody} Gift
 * @typedef {{ key: string, gift: Gift, count: number, until: number, shown: boolean, pending: boolean }} Banner
 */

export class GiftLane {
  /** @type {Banner[]} */
  #banners = []

  /**
   * Show `gift`, or add to its banner if that person is on a streak.
   * @param {Gift} gift @param {number} now @param {boolean} [pending] sent by oneself, not yet answered
   */
  add(gift, now, pending = false) {
    const key = gift.combo ? `combo ${gift.combo.id}` : `gift ${gift.id}`
    const streak = this.#banners.find(banner => banner.key === key)
    if (!streak) {
      const count = gift.combo?.count ?? gift.quantity
      this.#banners.push({ key, gift, count, until: 0, shown: false, pending })
      if (this.#banners.length > WAITING_MAX) this.#dropSmallest()
      return
    }
    streak.count = pending ? streak.count + gift.quantity : Math.max(streak.count, gift.combo?.count ?? 0)
    streak.pending = pending
    streak.gift = gift
    if (streak.shown) streak.until = now + bannerMs(gift)
  }

  /** The server refused: take a pending hit back. @param {string} comboId @param {number} quantity */
  takeBack(comboId, quantity) {
    const streak = this.#banners.find(banner => banner.key === `combo ${comboId}`)
    if (!streak) return
    streak.count -= quantity
    streak.pending = false
    if (streak.count <= 0) this.#banners.splice(this.#banners.indexOf(streak), 1)
  }

  /** Banners to draw now, oldest first. @param {number} now @returns {readonly Banner[]} */
  visible(now) {
    this.#banners = this.#banners.filter(banner => !banner.shown || banner.until > now)
    const drawn = this.#banners.slice(0, LANES_MAX)
    for (const banner of drawn) {
      if (banner.shown) continue
      banner.shown = true
      banner.until = now + bannerMs(banner.gift)
    }
    return drawn
  }

  /** When something changes next, or null. @returns {number | null} */
  nextChange() {
    const ends = this.#banners.filter(banner => banner.shown).map(banner => banner.until)
    return ends.length ? Math.min(...ends) : null
  }

  #dropSmallest() {
    const waiting = this.#banners.filter(banner => !banner.shown)
    const smallest = waiting.reduce((a, b) => (b.gift.coins < a.gift.coins ? b : a))
    this.#banners.splice(this.#banners.indexOf(smallest), 1)
  }
}

/** @param {Gift} gift */
function bannerMs(gift) {
  return BANNER_MS[/** @type {1 | 2 | 3 | 4} */ (gift.tier)] ?? BANNER_MS[1]
}
