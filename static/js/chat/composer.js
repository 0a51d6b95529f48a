/** Where one writes; the words are taken back when they could not be sent. */
import { find } from '../dom/element.js'
import { wordsOf } from '../dom/refusals.js'
import { uuid7 } from '../wire/uuid7.js'

export class Composer {
  #form = find('composer')
  /** @type {HTMLInputElement} */
  #input = find('composer-text')

  /**
   * @param {object} to
   * @param {() => Promise<boolean>} to.needPerson
   * @param {(text: string) => { refused: (words: string) => void }} to.onPending
   * @param {(message: Record<string, unknown>) => Promise<any>} to.send
   * @param {(body: import('../wire/frames.js').ChatBody) => void} to.onSaid
   */
  constructor(to) {
    this.#input.addEventListener('input', () => {
      this.#form.classList.toggle('typed', Boolean(this.#input.value.trim()))
    })
    this.#form.addEventListener('submit', async (/** @type {Event} */ event) => {
      event.preventDefault()
      const text = this.#input.value.trim()
      if (!text || !(await to.needPerson())) return
      this.#input.value = ''
      this.#form.classList.remove('typed')
      const pending = to.onPending(text)
      try {
        const { message } = await to.send({ t: 'chat', key: uuid7(), text })
        if (message) to.onSaid(message)
      } catch (error) {
        pending.refused(wordsOf(error).replace(/\.$/, ''))
        if (!this.#input.value) this.#input.value = text
      }
    })
  }

  focus() {
    this.#input.focus()
  }
  /** @param {boolean} can @param {string} words */
  allow(can, words) {
    this.#input.disabled = !can
    this.#input.placeholder = words
  }
}
