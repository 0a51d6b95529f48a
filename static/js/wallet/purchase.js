/**
 * One purchase: asked for once, paid, then watched until the coins are there. No DOM.
 * Durations are ms.
 */
import { call, Refused } from '../wire/api.js'
import { uuid7 } from '../wire/uuid7.js'

const LOOK_MS = 400
const LOOKS_MAX = 60

/** @typedef {{ purchase_id: string, client_secret: string, publishable_key: string, livemode: boolean, status: string }} Opened */

export class Purchase {
  #key = uuid7()
  /** @type {Opened | null} */
  opened = null

  /** @param {import('../facts.js').Pack} pack */
  constructor(pack) {
    this.pack = pack
  }

  /** Ask for it; asking again changes nothing. @returns {Promise<Opened>} */
  async open() {
    this.opened ??= await call('POST', '/api/wallet/purchases', {
      body: { pack_id: this.pack.pack_id, immediate_delivery: true },
      key: this.#key,
    })
    return /** @type {Opened} */ (this.opened)
  }

  /** Pay with one of the sandbox's cards. @param {string} card */
  async payWithTestCard(card) {
    const { purchase_id } = await this.open()
    await call('POST', `/api/sandbox/purchases/${purchase_id}/pay`, { body: { card } })
  }

  /** Tell the server that the browser came back: it asks Stripe itself. */
  async returned() {
    const { purchase_id } = await this.open()
    await call('POST', `/api/wallet/purchases/${purchase_id}/return`, { body: {} }).catch(ignoreOffline)
  }

  /**
   * Wait until the coins are there: "paid", or "slow" if the bank takes its time.
   * @param {(ms: number) => Promise<void>} [pause]
   */
  async settled(pause = wait) {
    const { purchase_id } = await this.open()
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const seen = await call('GET', `/api/wallet/purchases/${purchase_id}`).catch(ignoreOffline)
      if (seen && !['requested', 'processing'].includes(seen.status)) return String(seen.status)
      await pause(LOOK_MS)
    }
    return 'slow'
  }
}

/** @param {unknown} error */
function ignoreOffline(error) {
  if (error instanceof Refused && error.code === 'offline') return null
  throw error
}

/** @param {number} ms @returns {Promise<void>} */
function wait(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}
