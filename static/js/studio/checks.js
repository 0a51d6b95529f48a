/** The three checks before going live. */
import { icon } from '../dom/element.js'

const MARKS = { good: 'check', bad: 'warn', '': 'dot' }
const TRIES = 3

/** @param {string} name @param {'good' | 'bad' | ''} grade @param {string} words */
export function mark(name, grade, words) {
  const line = document.querySelector(`[data-check="${name}"]`)
  if (!line) return
  line.className = grade
  line.querySelector('.mark')?.replaceChildren(icon(MARKS[grade]))
  const said = line.querySelector('.said')
  if (said) said.textContent = words
}

/** The shortest of a few round trips to the server in ms, or null if it cannot be reached. */
export async function roundTripMs() {
  let shortest = Infinity
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const start = performance.now()
    const response = await fetch('/healthz', { cache: 'no-store' }).catch(() => null)
    if (response?.ok) shortest = Math.min(shortest, performance.now() - start)
  }
  return Number.isFinite(shortest) ? Math.round(shortest) : null
}
