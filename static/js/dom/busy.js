/** Buttons and forms that wait for the server: pressed once, pending, then done or refused. */
import { wordsOf } from './refusals.js'
import { toast } from './toast.js'

/**
 * Run `work` with the button pending; it cannot be pressed again meanwhile.
 * @template T
 * @param {HTMLElement} button @param {() => Promise<T>} work @returns {Promise<T | undefined>}
 */
export async function busy(button, work) {
  if (button.dataset.phase === 'pending') return undefined
  button.dataset.phase = 'pending'
  button.setAttribute('aria-busy', 'true')
  try {
    return await work()
  } finally {
    delete button.dataset.phase
    button.removeAttribute('aria-busy')
  }
}

/** On a press, run `work` pending and tell refusals. @param {HTMLElement} button @param {() => Promise<unknown>} work */
export function onPress(button, work) {
  button.addEventListener('click', () => busy(button, work).catch(error => toast(wordsOf(error), 'bad')))
}

/**
 * On submit, check the fields, run `work` with their values and show refusals in the form.
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => Promise<unknown>} work
 */
export function onSubmit(form, work) {
  form.addEventListener('submit', event => {
    event.preventDefault()
    if (!form.reportValidity()) return
    const button = /** @type {HTMLElement} */ (form.querySelector('[type="submit"]'))
    const values = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)))
    tell(form, '')
    busy(button, () => work(values)).catch(error => tell(form, wordsOf(error)))
  })
}

/** Show a refusal in `form`. @param {Element} form @param {string} words */
export function tell(form, words) {
  const place = /** @type {HTMLElement | null} */ (form.querySelector('.field-error'))
  if (!place) return
  place.hidden = !words
  place.textContent = words
}
