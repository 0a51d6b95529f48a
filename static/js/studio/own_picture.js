/** One's own picture with its chip, clock and words. */
import { find } from '../dom/element.js'
import { say } from '../facts.js'

export class OwnPicture {
  #timer = 0
  #since = 0

  /** @param {MediaStream | null} stream @param {{ isMirrored?: boolean }} [how] like a looking glass, or as others see it */
  show(stream, { isMirrored = true } = {}) {
    find('preview').classList.toggle('mirrored', isMirrored)
    find('preview').srcObject = stream
    find('own-word').hidden = Boolean(stream?.getVideoTracks().length)
  }

  /** @param {string} heading @param {string} why */
  say(heading, why) {
    const [title, text] = find('own-word').children
    find('own-word').hidden = false
    title.textContent = heading
    text.textContent = why
  }

  /** @param {'before' | 'joining' | 'live' | 'lost' | 'elsewhere'} state */
  is(state) {
    const chip = find('own-state')
    const words = { before: 'studio.only_you', joining: 'studio.starting', live: 'studio.live',
      lost: 'studio.reconnecting', elsewhere: 'studio.elsewhere' }
    chip.textContent = say(words[state])
    chip.className = `chip ${{ live: 'live', lost: 'warn' }[/** @type {string} */ (state)] ?? ''}`
    if (state === 'live' && !this.#since) this.#startClock()
    if (state === 'before') this.#stopClock()
  }

  #startClock() {
    this.#since = Date.now()
    find('own-clock').hidden = false
    const draw = () => { find('own-clock').textContent = clock(Date.now() - this.#since) }
    draw()
    this.#timer = setInterval(draw, 1000)
  }

  #stopClock() {
    this.#since = 0
    clearInterval(this.#timer)
    find('own-clock').hidden = true
  }
}

/** 3 725 000 → "1:02:05". @param {number} ms */
export function clock(ms) {
  const whole = Math.floor(ms / 1000)
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (/** @type {number} */ part) => String(part).padStart(2, '0')
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}
