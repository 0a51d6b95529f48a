/** The figures of this broadcast, ticking up. */
import { find } from '../dom/element.js'
import { counted } from '../facts.js'
import { call } from '../wire/api.js'

const POINTS_MAX = 120
const POINT_MS = 5000

export class Tiles {
  #coins = 0
  #gifts = 0
  #viewers = 0
  /** @type {number[]} */
  #line = []
  #timer = 0

  /** Begin with what the room has had so far. @param {string} roomId */
  async open(roomId) {
    find('tiles').hidden = false
    clearInterval(this.#timer)
    this.#timer = setInterval(() => this.#point(), POINT_MS)
    const { summary } = await call('GET', `/api/rooms/${roomId}/summary`)
    this.#coins = summary.coins
    this.#gifts = summary.gift_count
    this.#draw()
  }

  /** @param {import('../wire/frames.js').GiftBody} gift */
  gift(gift) {
    this.#coins += gift.coins
    this.#gifts += gift.quantity
    this.#draw()
  }

  /** @param {number} count */
  viewers(count) {
    this.#viewers = count
    find('tile-viewers').textContent = counted(count)
    if (!this.#line.length) this.#point()
  }

  /** @param {number} total */
  likes(total) {
    find('tile-likes').textContent = counted(total)
  }

  get viewerCount() {
    return this.#viewers
  }

  close() {
    clearInterval(this.#timer)
    this.#line = []
  }

  #draw() {
    find('tile-coins').textContent = counted(this.#coins)
    find('tile-gifts').textContent = counted(this.#gifts)
  }

  #point() {
    this.#line = [...this.#line, this.#viewers].slice(-POINTS_MAX)
    find('viewer-line').firstElementChild.setAttribute('points', points(this.#line, 100, 40))
  }
}

/** The points of a line in a box, for SVG. @param {readonly number[]} values @param {number} width @param {number} height */
export function points(values, width, height) {
  const highest = Math.max(1, ...values)
  const step = width / Math.max(1, values.length - 1)
  return values.map((value, index) => {
    const y = height - 2 - value / highest * (height - 4)
    return `${(index * step).toFixed(1)},${y.toFixed(1)}`
  }).join(' ')
}
