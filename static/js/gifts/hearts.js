/** Likes: taps counted and told twice a second; hearts rise for everybody's. */
import { icon, isCalm } from '../dom/element.js'

const TELL_MS = 500
const HEARTS_MAX = 24
const COLOURS = ['#ff4d6d', '#ff8fab', '#c77dff', '#ffd166', '#7dd3fc']

export class Hearts {
  #untold = 0
  #timer = 0
  #total = -1
  #own = 0 // rising already, not to be shown twice

  /** @param {HTMLElement} place @param {(count: number) => void} tell */
  constructor(place, tell) {
    this.place = place
    this.tell = tell
  }

  tap() {
    this.#untold += 1
    this.#own += 1
    this.#rise()
    this.#timer ||= setTimeout(() => {
      this.#timer = 0
      this.tell(this.#untold)
      this.#untold = 0
    }, TELL_MS)
  }

  /** @param {number} total of the room */
  total(total) {
    const more = this.#total < 0 ? 0 : Math.max(0, total - this.#total)
    this.#total = total
    const others = Math.max(0, more - this.#own)
    this.#own = Math.max(0, this.#own - more)
    for (let index = 0; index < Math.min(6, others); index += 1) setTimeout(() => this.#rise(), index * 60)
  }

  #rise() {
    if (isCalm() || document.hidden) return
    if (this.place.querySelectorAll('.heart').length >= HEARTS_MAX) return
    const heart = icon('heart')
    heart.classList.add('heart')
    heart.style.setProperty('--heart', COLOURS[Math.floor(Math.random() * COLOURS.length)])
    this.place.append(heart)
    const drift = (Math.random() - 0.5) * 90
    const height = 180 + Math.random() * 160
    heart.animate([
      { transform: 'scale(.3)', opacity: 0 },
      { transform: 'translateY(-40px) scale(1.15)', opacity: 1, offset: 0.15 },
      { transform: `translate(${drift}px, ${-height}px) scale(.8) rotate(${drift / 3}deg)`, opacity: 0 },
    ], { duration: 1400 + Math.random() * 500, easing: 'ease-out' }).onfinish = () => heart.remove()
  }
}
