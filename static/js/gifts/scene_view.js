/** Flights of the second tier and the centre stage of the third and fourth. Movement only. */
import { find, isCalm, make } from '../dom/element.js'
import { facts, say, staticUrl } from '../facts.js'
import { SceneQueue, sceneMs } from './scene_queue.js'

const FLIGHT_MS = 900
const FLIGHTS_MAX = 6
const EASE = 'cubic-bezier(.2, .8, .2, 1)'

export class SceneView {
  #queue = new SceneQueue()
  #playing = false
  #flights = 0

  /** @param {HTMLElement} place @param {HTMLElement} stage dims while a grand scene plays */
  constructor(place, stage) {
    this.place = place
    this.stage = stage
  }

  /** @param {import('../wire/frames.js').GiftBody} gift */
  add(gift) {
    if (gift.tier >= 4) announce(gift)
    if (isCalm() || document.hidden) return
    if (gift.tier === 2) this.#fly(gift)
    if (gift.tier < 3) return
    this.#queue.add(gift)
    void this.#play()
  }

  /** From the sender's side along a curve to the middle. @param {import('../wire/frames.js').GiftBody} gift */
  #fly(gift) {
    if (this.#flights >= FLIGHTS_MAX) return
    this.#flights += 1
    const { width, height } = this.place.getBoundingClientRect()
    const art = make('img', { class: 'flight', src: artOf(gift.gift_id), alt: '' })
    this.place.append(art)
    const points = [[0.02, 0.62, 0.6], [0.2, 0.28, 1.25], [0.5, 0.36, 1.5], [0.5, 0.36, 2.2]]
    const flight = art.animate(points.map(([x, y, scale], index) => ({
      transform: `translate(${x * width - 32}px, ${y * height - 32}px) scale(${scale})`,
      opacity: index === 3 ? 0 : 1,
    })), { duration: FLIGHT_MS, easing: EASE })
    flight.onfinish = () => {
      this.#flights -= 1
      art.remove()
    }
  }

  async #play() {
    if (this.#playing) return
    this.#playing = true
    for (let scene = this.#queue.next(); scene; scene = this.#queue.next()) await this.#show(scene)
    this.#playing = false
  }

  /** @param {import('./scene_queue.js').Scene} scene */
  async #show(scene) {
    const isWhole = scene.tier === 4
    const duration = sceneMs(scene)
    const art = make('img', { src: artOf(scene.giftId), alt: '' })
    const who = scene.others ? `${scene.name} +${scene.others}` : scene.name
    const shown = make('div', { class: `centre ${isWhole ? 'whole' : ''}` }, art,
      make('p', {}, say('gift.sent_by', { name: who, gift: nameOf(scene.giftId) })),
      make('span', { class: 'coins' }, say('gift.sent_sum', { n: scene.coins })))
    this.place.append(shown)
    this.stage.classList.toggle('dimmed', isWhole)
    this.#sparks(isWhole ? 36 : 20, duration)
    art.animate([
      { transform: 'scale(.2) rotate(-12deg)', opacity: 0 },
      { transform: 'scale(1.12) rotate(4deg)', opacity: 1, offset: 0.12 },
      { transform: 'scale(1)', offset: 0.2 },
      { transform: 'scale(1.04) translateY(-6px)', offset: 0.5 },
      { transform: 'scale(1)', offset: 0.86 },
      { transform: 'scale(1.4)', opacity: 0 },
    ], { duration, easing: 'ease-in-out' })
    await shown.animate([{ opacity: 0 }, { opacity: 1, offset: 0.08 }, { opacity: 1, offset: 0.9 }, { opacity: 0 }],
      { duration }).finished.catch(() => {})
    shown.remove()
    this.stage.classList.remove('dimmed')
  }

  /** @param {number} count @param {number} duration */
  #sparks(count, duration) {
    const { width } = this.place.getBoundingClientRect()
    const reach = Math.min(width * 0.5, 360)
    for (let index = 0; index < count; index += 1) {
      const angle = index / count * 2 * Math.PI
      const far = reach * (0.5 + Math.random() * 0.5)
      const spark = make('i', { class: 'spark' })
      this.place.append(spark)
      spark.animate([
        { transform: 'scale(0)', opacity: 1 },
        { transform: `translate(${Math.cos(angle) * far}px, ${Math.sin(angle) * far}px) scale(1)`, opacity: 0 },
      ], { duration: 1100, delay: Math.random() * duration * 0.5, easing: EASE, fill: 'both' })
        .onfinish = () => spark.remove()
    }
  }
}

/** Grand gifts are read out. @param {import('../wire/frames.js').GiftBody} gift */
function announce(gift) {
  find('chat-news').textContent = say('gift.sent_by', { name: gift.from.display_name, gift: nameOf(gift.gift_id) })
}

/** @param {string} giftId */
function nameOf(giftId) {
  return facts.gifts.find(one => one.gift_id === giftId)?.name ?? giftId
}

/** @param {string} giftId */
function artOf(giftId) {
  return staticUrl(`art/gifts/${giftId}.svg`)
}
