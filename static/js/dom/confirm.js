/** Asking once before something that cannot be taken back. */
import { busy, tell } from './busy.js'
import { find } from './element.js'
import { wordsOf } from './refusals.js'
import { Sheet } from './sheet.js'

/** @type {Sheet | null} */
let sheet = null

/**
 * @param {object} question
 * @param {string} question.title
 * @param {string} question.why
 * @param {string} question.yes
 * @param {string} [question.no]
 * @param {HTMLElement} [question.extra] more to fill in
 * @param {() => Promise<unknown>} work done on yes; its refusal is shown in the sheet
 * @returns {Promise<boolean>} whether it was done
 */
export function confirmed({ title, why, yes, no, extra }, work) {
  sheet ??= new Sheet(find('confirm-sheet'))
  find('confirm-title').textContent = title
  find('confirm-why').textContent = why
  find('confirm-yes').textContent = yes
  if (no) find('confirm-no').textContent = no
  find('confirm-extra').replaceChildren(...(extra ? [extra] : []))
  tell(sheet.element, '')
  sheet.open()
  const opened = sheet
  return new Promise(resolve => {
    let done = false
    find('confirm-yes').onclick = () => busy(find('confirm-yes'), async () => {
      await work()
      done = true
      opened.close()
    }).catch(error => tell(opened.element, wordsOf(error)))
    opened.element.addEventListener('close', () => resolve(done), { once: true })
  })
}
