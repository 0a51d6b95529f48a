/** Signing up or logging in without leaving the broadcast. */
import { onSubmit } from '../dom/busy.js'
import { find } from '../dom/element.js'
import { Sheet } from '../dom/sheet.js'
import { toast } from '../dom/toast.js'
import { say } from '../facts.js'
import { logIn, me, signUp } from './me.js'

export class EntrySheet {
  #sheet = new Sheet(find('entry-sheet'))
  /** @type {(arrived: boolean) => void} */
  #settle = () => {}

  constructor() {
    onSubmit(find('entry-signup'), values => this.#enter(() => signUp(values)))
    onSubmit(find('entry-login'), values => this.#enter(() => logIn(values)))
    for (const button of this.#sheet.element.querySelectorAll('[data-entry]')) {
      button.addEventListener('click', () => this.#show(/** @type {HTMLElement} */ (button).dataset.entry ?? ''))
    }
    this.#sheet.onClose(() => this.#settle(false))
  }

  /**
   * Ask a stranger in; true once somebody is logged in, false if they would rather not.
   * @param {string} why words for the heading @returns {Promise<boolean>}
   */
  async need(why) {
    if (me.current) return true
    find('entry-why').textContent = why
    this.#show('signup')
    this.#sheet.open()
    return new Promise(resolve => { this.#settle = resolve })
  }

  /** @param {string} form */
  #show(form) {
    find('entry-signup').hidden = form !== 'signup'
    find('entry-login').hidden = form !== 'login'
  }

  /** @param {() => Promise<void>} entering */
  async #enter(entering) {
    await entering()
    this.#settle(true)
    this.#sheet.close()
    toast(say('people.welcome', { name: me.current?.display_name ?? '' }), 'good')
  }
}
