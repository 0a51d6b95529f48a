/** Draws the gift lanes. */
import { make } from '../dom/element.js'
import { facts, say, staticUrl } from '../facts.js'
import { GiftLane } from './gift_lane.js'

const LEAVE_MS = 240

export class LaneView {
  #lane = new GiftLane()
  /** @type {Map<string, { element: HTMLElement, count: HTMLElement, shown: number }>} */
  #drawn = new Map()
  #timer = 0

  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place
  }

  /** @param {import('../wire/frames.js').GiftBody} gift @param {boolean} [pending] */
  add(gift, pending = false) {
    this.#lane.add(gift, performance.now(), pending)
    this.#draw()
  }

  /** @param {string} comboId @param {number} quantity */
  takeBack(comboId, quantity) {
    this.#lane.takeBack(comboId, quantity)
    this.#draw()
  }

  #draw() {
    const visible = this.#lane.visible(performance.now())
    for (const [key, { element }] of this.#drawn) {
      if (visible.some(banner => banner.key === key)) continue
      this.#drawn.delete(key)
      element.classList.add('leaving')
      setTimeout(() => element.remove(), LEAVE_MS)
    }
    for (const banner of visible) this.#drawBanner(banner)
    clearTimeout(this.#timer)
    const next = this.#lane.nextChange()
    if (next !== null) this.#timer = setTimeout(() => this.#draw(), Math.max(16, next - performance.now()))
  }

  /** @param {import('./gift_lane.js').Banner} banner */
  #drawBanner(banner) {
    const drawn = this.#drawn.get(banner.key) ?? this.#make(banner)
    drawn.element.classList.toggle('pending', banner.pending)
    if (drawn.shown === banner.count) return
    drawn.shown = banner.count
    drawn.count.textContent = banner.count > 1 ? `×${banner.count}` : ''
    drawn.count.classList.remove('popped')
    void drawn.count.offsetWidth // starts the pop anew
    drawn.count.classList.add('popped')
  }

  /** @param {import('./gift_lane.js').Banner} banner */
  #make({ key, gift }) {
    const kind = facts.gifts.find(one => one.gift_id === gift.gift_id)
    const count = make('span', { class: 'count' })
    const element = make('li', { class: `lane tier-${gift.tier}`, 'data-gift': gift.gift_id },
      make('img', { src: staticUrl(kind?.art ?? `art/gifts/${gift.gift_id}.svg`), alt: '', width: 38, height: 38 }),
      make('span', { class: 'words' },
        make('strong', {}, gift.from.display_name),
        make('small', {}, say('gift.sent', { gift: kind?.name ?? gift.gift_id }))),
      count)
    const drawn = { element, count, shown: 0 }
    this.#drawn.set(key, drawn)
    this.place.append(element)
    return drawn
  }
}
