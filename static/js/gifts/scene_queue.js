/**
 * Which big gift is on the centre stage, and which wait. One at a time. When more than 10 s wait,
 * smaller ones merge first; the sums stay right. Durations are ms. No DOM.
 */
const SCENE_MS = { 3: 3000, 4: 6000 }
const WAITING_MS_MAX = 10_000

/**
 * @typedef {{ giftId: string, tier: 3 | 4, name: string, others: number, quantity: number, coins: number }} Scene
 */

export class SceneQueue {
  /** @type {Scene[]} */
  #waiting = []

  /** @param {import('../wire/frames.js').GiftBody} gift of tier 3 or 4 */
  add(gift) {
    const name = gift.from.display_name
    const same = this.#waiting.find(scene => scene.giftId === gift.gift_id && scene.name === name)
    if (same) {
      same.quantity += gift.quantity
      same.coins += gift.coins
    } else {
      this.#waiting.push({
        giftId: gift.gift_id,
        tier: gift.tier >= 4 ? 4 : 3,
        name,
        others: 0,
        quantity: gift.quantity,
        coins: gift.coins,
      })
    }
    while (this.waitingMs > WAITING_MS_MAX && this.#merge());
  }

  /** The next scene, or null. @returns {Scene | null} */
  next() {
    return this.#waiting.shift() ?? null
  }

  get waitingMs() {
    return this.#waiting.reduce((total, scene) => total + SCENE_MS[scene.tier], 0)
  }

  /** Make one of two scenes of the smallest tier that has two; false if there are none. */
  #merge() {
    for (const tier of [3, 4]) {
      const [first, second] = this.#waiting.filter(scene => scene.tier === tier)
      if (!second) continue
      const [kept, gone] = first.coins >= second.coins ? [first, second] : [second, first]
      kept.quantity += gone.quantity
      kept.coins += gone.coins
      if (gone.name !== kept.name) kept.others += 1
      kept.others += gone.others
      this.#waiting.splice(this.#waiting.indexOf(gone), 1)
      return true
    }
    return false
  }
}

/** @param {Scene} scene */
export function sceneMs(scene) {
  return SCENE_MS[scene.tier]
}
