/** Short messages over everything, read out: assertive where money or safety is concerned. */
import { make } from './element.js'

const SHOWN_MS = 4000
const SHOWN_MAX = 3

/** @type {HTMLElement | null} */
let place = null

/** @param {string} words @param {'' | 'good' | 'bad'} [kind] */
export function toast(words, kind = '') {
  place ??= makePlace()
  const shown = make('p', { class: `toast ${kind}`, role: kind === 'bad' ? 'alert' : 'status' }, words)
  if (place.children.length >= SHOWN_MAX) place.firstElementChild?.remove()
  place.append(shown)
  place.hidePopover() // and back: the last one shown lies above open sheets
  place.showPopover()
  setTimeout(() => shown.remove(), SHOWN_MS)
}

function makePlace() {
  const made = make('div', { class: 'toasts', popover: 'manual' })
  document.body.append(made)
  made.showPopover()
  return made
}
