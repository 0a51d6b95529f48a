/** The gift tray: choose, send, send again; short of coins it becomes the pack sheet. */
import { find, make } from '../dom/element.js'
import { wordsOf } from '../dom/refusals.js'
import { Sheet } from '../dom/sheet.js'
import { toast } from '../dom/toast.js'
import { counted, facts, money, say, staticUrl } from '../facts.js'
import { purse } from '../wallet/purse.js'
import { Refused } from '../wire/api.js'
import { uuid7 } from '../wire/uuid7.js'
import { Combo, COMBO_MS } from './combo.js'
import { priceMinor } from './prices.js'

/** @typedef {import('../facts.js').Gift} Gift */
/** @typedef {{ key: string, gift_id: string, quantity: number, coins: number, combo_id: string }} Order */

const TABS = { all: [1, 2, 3, 4], small: [1], grand: [2, 3], epic: [4] }

export class Tray {
  #sheet = new Sheet(find('tray-sheet'), { docked: () => matchMedia('(min-width: 900px)').matches })
  #combo = new Combo()
  /** @type {Gift} */
  #chosen = facts.gifts[0]
  /** @type {Animation | null} */
  #ring = null

  /**
   * @param {object} to
   * @param {(order: Order) => Promise<{ coins: number }>} to.send answers with the balance
   * @param {(order: Order, gift: Gift) => void} to.onPending
   * @param {(order: Order) => void} to.onRefused
   * @param {(why: string) => Promise<boolean>} to.needPerson
   * @param {(missing: number) => Promise<boolean>} to.buy
   */
  constructor(to) {
    this.to = to
    for (const tab of document.querySelectorAll('[data-tray-tab]')) {
      tab.addEventListener('click', () => this.#showTab(/** @type {HTMLElement} */ (tab)))
    }
    find('tray').append(...facts.gifts.map(gift => this.#giftButton(gift)))
    find('tray').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => this.#arrow(event))
    find('send-gift').addEventListener('click', () => void this.send())
    find('get-coins').addEventListener('click', () => void this.#buy(0))
    purse.onChange(coins => { find('tray-balance').textContent = counted(coins) })
    this.#sheet.onClose(() => document.body.classList.remove('tray-open'))
    this.#choose(this.#chosen)
  }

  toggle() {
    this.#sheet.toggle()
    document.body.classList.toggle('tray-open', this.#sheet.isOpen)
    if (this.#sheet.isOpen) void purse.refresh()
  }

  /** Send what is chosen. */
  async send() {
    if (!(await this.to.needPerson(say('people.why_gift')))) return
    if (purse.coins === null) await purse.refresh().catch(() => {})
    const gift = this.#chosen
    const quantity = Number(find('quantity').value)
    const missing = gift.coins * quantity - (purse.coins ?? Infinity)
    if (missing > 0) return this.#buy(missing)
    const comboId = this.#combo.hit(gift.gift_id, quantity, performance.now(), uuid7)
    const order = { key: uuid7(), gift_id: gift.gift_id, quantity, coins: gift.coins, combo_id: comboId }
    purse.spend(gift.coins * quantity)
    this.to.onPending(order, gift)
    this.#showRing()
    try {
      const { coins } = await this.to.send(order)
      purse.is(coins)
    } catch (error) {
      this.#refused(order, gift, error)
    }
  }

  /** @param {Order} order @param {Gift} gift @param {unknown} error */
  #refused(order, gift, error) {
    this.#combo.end()
    this.to.onRefused(order)
    void purse.refresh()
    const code = error instanceof Refused ? error.code : ''
    const fields = error instanceof Refused ? error.fields : {}
    if (code === 'insufficient_coins') return void this.#buy(fields.short_by)
    if (code === 'price_changed') {
      gift.coins = fields.coins ?? gift.coins
      return toast(say('gift.changed', { n: gift.coins }), 'bad')
    }
    toast(say('gift.refused', { reason: wordsOf(error).replace(/\.$/, '') }), 'bad')
  }

  /** @param {number} missing */
  async #buy(missing) {
    if (!(await this.to.needPerson(say('people.why_gift')))) return
    if (missing > 0) toast(say('gift.short', { n: missing }))
    const again = this.#sheet.isOpen
    this.#sheet.close()
    const bought = await this.to.buy(missing)
    if (again) this.#sheet.open()
    if (bought && missing > 0) toast(say('gift.waiting', { gift: this.#chosen.name }), 'good')
  }

  // Drawing

  /** @param {Gift} gift */
  #giftButton(gift) {
    const { currency } = facts.packs[0] ?? { currency: 'EUR' }
    const price = money(priceMinor(gift.coins, facts.packs), currency)
    return make('button', {
      class: 'gift', type: 'button', role: 'radio', 'data-gift': gift.gift_id, 'data-tier': gift.tier,
      'aria-label': say('gift.named', { name: gift.name, n: gift.coins, price }),
      onclick: () => this.#choose(gift),
      ondblclick: () => void this.send(),
    },
    make('img', { src: staticUrl(gift.art), alt: '', width: 48, height: 48, loading: 'lazy' }),
    make('span', { class: 'name' }, gift.name),
    make('span', { class: 'coins' }, counted(gift.coins)),
    make('span', { class: 'money' }, price))
  }

  /** @param {Gift} gift */
  #choose(gift) {
    this.#chosen = gift
    for (const button of find('tray').children) {
      const isChosen = button.dataset.gift === gift.gift_id
      button.setAttribute('aria-checked', String(isChosen))
      button.tabIndex = isChosen ? 0 : -1
    }
    if (!this.#combo.goesOn(gift.gift_id, performance.now())) this.#ring?.finish()
  }

  /** @param {HTMLElement} tab */
  #showTab(tab) {
    const tiers = TABS[/** @type {keyof typeof TABS} */ (tab.dataset.trayTab)]
    for (const other of document.querySelectorAll('[data-tray-tab]')) {
      other.setAttribute('aria-selected', String(other === tab))
    }
    for (const button of find('tray').children) button.hidden = !tiers.includes(Number(button.dataset.tier))
  }

  /** @param {KeyboardEvent} event */
  #arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 4, ArrowUp: -4 }[event.key]
    if (!step) return
    const shown = [...find('tray').children].filter(button => !button.hidden)
    const next = shown[shown.indexOf(document.activeElement) + step]
    if (!next) return
    event.preventDefault()
    next.click()
    next.focus()
  }

  #showRing() {
    const times = find('combo-times')
    times.textContent = this.#combo.count > 1 ? `×${this.#combo.count}` : ''
    this.#ring?.cancel()
    this.#ring = find('combo-ring').animate([{ strokeDashoffset: 0 }, { strokeDashoffset: 100 }], { duration: COMBO_MS })
    find('combo-ring').parentElement.toggleAttribute('hidden', false)
    this.#ring?.finished.then(() => {
      times.textContent = ''
      find('combo-ring').parentElement.toggleAttribute('hidden', true)
    }, () => {})
  }
}
