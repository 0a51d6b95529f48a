/** How many coins one has, as far as the page knows; the server has the last word. */
import { me, onArrival } from '../people/me.js'
import { call } from '../wire/api.js'

class Purse {
  /** @type {number | null} null: not known */
  coins = null
  /** @type {Set<(coins: number) => void>} */
  #listeners = new Set()

  /** @param {(coins: number) => void} listener */
  onChange(listener) {
    this.#listeners.add(listener)
    listener(this.coins ?? 0)
  }
  /** @param {number} coins */
  is(coins) {
    this.coins = coins
    for (const listener of this.#listeners) listener(coins)
  }
  /** Before the server has answered. @param {number} coins */
  spend(coins) {
    if (this.coins !== null) this.is(Math.max(0, this.coins - coins))
  }
  async refresh() {
    if (!me.current) return
    this.is((await call('GET', '/api/wallet')).coins)
  }
}

export const purse = new Purse()
onArrival(() => void purse.refresh().catch(() => {}))
