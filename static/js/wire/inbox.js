/**
 * What has been received in a room: the position to resume from, and each gift once.
 * No socket, no DOM.
 * @import { Batch, Body, Welcome } from './frames.js'
 */
const REMEMBERED_MAX = 2000 // gift and chat ids

export class Inbox {
  /** @type {{ epoch: string, offset: number } | null} */
  position = null
  /** Where the journal stood at the last gift received; gifts missed since are asked for from here. */
  cursor = ''
  /** @type {Set<string>} */
  #seen = new Set()

  /**
   * Take the greeting; says whether what is on screen must be rebuilt from it.
   * @param {Welcome} welcome
   */
  welcome(welcome) {
    const rebuilt = this.position === null || !welcome.recovered
    if (rebuilt) this.position = { epoch: welcome.epoch, offset: welcome.offset }
    if (rebuilt) for (const line of welcome.room.chat) this.isNew(line)
    return rebuilt
  }

  /**
   * The bodies of `batch` that were not received before, in order.
   * @param {Batch} batch @returns {Body[]}
   */
  batch(batch) {
    const known = this.position?.epoch === batch.epoch ? this.position.offset : -1
    const fresh = batch.numbered.filter((_, index) => batch.first + index > known)
    const last = batch.first + batch.count - 1
    if (batch.cursor) this.cursor = batch.cursor
    if (batch.count > 0) this.position = { epoch: batch.epoch, offset: Math.max(known, last) }
    return [...fresh, ...batch.unnumbered].filter(body => this.isNew(body))
  }

  /** Whether `body` is the first of its id; bodies without one always are. @param {Body} body */
  isNew(body) {
    if ((body.t !== 'gift' && body.t !== 'chat') || !body.id) return true
    const name = `${body.t} ${body.id}`
    if (this.#seen.has(name)) return false
    this.#seen.add(name)
    if (this.#seen.size > REMEMBERED_MAX) this.#seen.delete(this.#seen.values().next().value ?? '')
    return true
  }
}
