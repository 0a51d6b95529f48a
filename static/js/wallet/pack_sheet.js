/** Buying coins in a sheet: choose a pack, pay, wait for the coins; the video plays on. */
import { busy, tell } from '../dom/busy.js'
import { find, make } from '../dom/element.js'
import { wordsOf } from '../dom/refusals.js'
import { Sheet } from '../dom/sheet.js'
import { toast } from '../dom/toast.js'
import { counted, facts, money, say } from '../facts.js'
import { packFor } from '../gifts/prices.js'
import { me } from '../people/me.js'
import { testCardForm } from './card_form.js'
import { Purchase } from './purchase.js'
import { purse } from './purse.js'
import { stripeForm } from './stripe_form.js'

/** @typedef {import('../facts.js').Pack} Pack */

export class PackSheet {
  #sheet = new Sheet(find('pack-sheet'))
  /** @type {(bought: boolean) => void} */
  #settle = () => {}
  /** @type {Purchase | null} */
  #purchase = null
  /** @type {{ pay: (purchase: Purchase) => Promise<void> } | null} */
  #form = null
  #missing = 0
  #bought = false

  constructor() {
    find('pack-form').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      void busy(find('pay'), () => this.#pay())
    })
    find('packs').addEventListener('change', () => void this.#chosen())
    find('pack-done-close').addEventListener('click', () => this.#sheet.close())
    this.#sheet.onClose(() => this.#settle(this.#bought))
  }

  /** Open it; when it closes, says whether the coins are there. @param {number} missing coins @returns {Promise<boolean>} */
  open(missing) {
    if (me.current && !me.current.adult) {
      toast(say(me.current.birth_date ? 'buy.adults' : 'refused.birth_date_missing'), 'bad')
      return Promise.resolve(false)
    }
    this.#missing = missing
    this.#bought = false
    const best = packFor(missing, facts.packs)
    find('packs').replaceChildren(...facts.packs.map(pack => this.#packChoice(pack, pack === best)))
    find('pack-form').hidden = false
    find('pack-done').hidden = true
    tell(find('pack-form'), '')
    this.#sheet.open()
    void this.#chosen()
    return new Promise(resolve => { this.#settle = resolve })
  }

  /** @param {Pack} pack @param {boolean} isBest */
  #packChoice(pack, isBest) {
    const price = money(pack.amount_minor, pack.currency)
    return make('label', { class: 'pack' },
      isBest && this.#missing > 0 ? make('span', { class: 'chip good' }, say('buy.covers')) : null,
      make('input', { type: 'radio', name: 'pack', value: pack.pack_id, checked: isBest,
        'aria-label': `${say('common.coins', { n: pack.coins })}, ${price}` }),
      make('span', { class: 'coins' }, counted(pack.coins)),
      make('span', { class: 'price' }, price))
  }

  async #chosen() {
    const chosen = new FormData(find('pack-form')).get('pack')
    const pack = facts.packs.find(one => one.pack_id === chosen) ?? facts.packs[0]
    const purchase = new Purchase(pack)
    this.#purchase = purchase
    this.#form = null
    find('pay').textContent = say('buy.pay', { price: money(pack.amount_minor, pack.currency) })
    const place = find('payment')
    try {
      const form = facts.sandbox ? await testCardForm(place) : await stripeForm(place, purchase)
      if (this.#purchase === purchase) this.#form = form
    } catch (error) {
      tell(find('pack-form'), wordsOf(error))
    }
  }

  async #pay() {
    const form = find('pack-form')
    if (!find('agree').checked) {
      find('agree').focus()
      return tell(form, say('buy.agree_first'))
    }
    if (!this.#purchase || !this.#form) return
    tell(form, '')
    const purchase = this.#purchase
    try {
      await this.#form.pay(purchase)
      find('pay-state').textContent = say('buy.crediting')
      await purchase.returned()
      this.#ended(purchase, await purchase.settled())
    } catch (error) {
      tell(form, wordsOf(error))
      if (facts.sandbox) this.#purchase = new Purchase(purchase.pack) // a declined one is over
    } finally {
      find('pay-state').textContent = ''
    }
  }

  /** @param {Purchase} purchase @param {string} status */
  #ended(purchase, status) {
    if (status === 'canceled') return tell(find('pack-form'), say('buy.failed'))
    if (status === 'slow') toast(say('buy.slow'))
    void purse.refresh()
    find('pack-form').hidden = true
    find('pack-done').hidden = false
    find('pack-done-words').textContent = status === 'slow'
      ? say('buy.slow') : say('buy.done', { n: purchase.pack.coins })
    find('pack-done-close').focus()
    this.#bought = status !== 'slow'
  }
}
