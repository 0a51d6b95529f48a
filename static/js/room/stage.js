/** The picture: stream in, sound on a tap, a blurred copy behind it, and words when there is none. */
import { find, icon, make } from '../dom/element.js'
import { say } from '../facts.js'

const BACKDROP_MS = 500
const SOUND_KEY = 'ovation.sound'

export class Stage {
  /** @type {HTMLVideoElement} */
  #video = find('picture')
  #word = find('stage-word')
  #timer = 0

  constructor() {
    this.#video.addEventListener('resize', () => this.#shape())
    this.#video.addEventListener('playing', () => this.#shown())
    find('sound').addEventListener('click', () => this.#setSound(true))
    find('mute').addEventListener('click', () => this.toggleSound())
    find('fullscreen').addEventListener('click', () => this.toggleFullscreen())
    this.#drawSound()
  }

  /** @param {MediaStream} stream */
  async play(stream) {
    const video = this.#video
    video.srcObject = stream
    video.muted = sessionStorage.getItem(SOUND_KEY) !== 'on'
    try {
      await video.play()
    } catch {
      video.muted = true // not allowed with sound before the first tap
      await video.play().catch(() => {})
    }
    this.#drawSound()
  }

  /** Words instead of a picture. @param {string} heading @param {string} [why] @param {HTMLElement} [extra] */
  say(heading, why = '', extra) {
    this.#word.hidden = false
    this.#word.replaceChildren(make('h2', {}, heading), why ? make('p', {}, why) : '', extra ?? '')
    this.#video.classList.remove('shown')
    find('sound').hidden = true
    clearInterval(this.#timer)
  }

  /** @param {string} words empty: all is well */
  link(words) {
    find('link-state').hidden = !words
    find('link-state').textContent = words
  }

  toggleSound() {
    this.#setSound(this.#video.muted)
  }

  toggleFullscreen() {
    if (document.fullscreenElement) void document.exitFullscreen()
    else void find('stage').requestFullscreen?.().catch(() => {})
  }

  stop() {
    this.#video.srcObject = null
    clearInterval(this.#timer)
  }

  // Internal

  #shown() {
    if (!performance.getEntriesByName('picture').length) performance.mark('picture')
    this.#word.hidden = true
    this.#video.classList.add('shown')
    this.#drawSound()
    clearInterval(this.#timer)
    this.#timer = setInterval(() => this.#drawBackdrop(), BACKDROP_MS)
    this.#drawBackdrop()
  }

  #shape() {
    this.#video.classList.toggle('tall', this.#video.videoHeight > this.#video.videoWidth)
  }

  /** @param {boolean} on */
  #setSound(on) {
    this.#video.muted = !on
    sessionStorage.setItem(SOUND_KEY, on ? 'on' : 'off')
    if (this.#video.paused && this.#video.srcObject) void this.#video.play().catch(() => {})
    this.#drawSound()
  }

  #drawSound() {
    const { muted } = this.#video
    const offered = sessionStorage.getItem(SOUND_KEY) === null
    find('sound').hidden = !(muted && offered && this.#video.classList.contains('shown'))
    find('mute').replaceChildren(icon(muted ? 'sound-off' : 'sound-on'))
    find('mute').setAttribute('aria-label', say(muted ? 'watch.unmute' : 'watch.mute'))
  }

  #drawBackdrop() {
    if (document.hidden || this.#video.readyState < 2) return
    const canvas = find('backdrop')
    canvas.getContext('2d').drawImage(this.#video, 0, 0, canvas.width, canvas.height)
  }
}
