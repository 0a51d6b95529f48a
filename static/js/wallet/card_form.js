/** The sandbox's card form: three test cards, no number to type. */
import { make } from '../dom/element.js'
import { say } from '../facts.js'

const CARDS = { succeeds: 'buy.card_ok', declined: 'buy.card_declined', disputed: 'buy.card_disputed' }

/** @param {HTMLElement} place */
export async function testCardForm(place) {
  const name = 'test-card'
  place.replaceChildren(make('fieldset', { class: 'card-choice' },
    make('legend', { class: 'field-name' }, say('buy.card')),
    ...Object.entries(CARDS).map(([card, words], index) => make('label', {},
      make('input', { type: 'radio', name, value: card, checked: index === 0 }),
      say(words), make('code', {}, `•••• ${4242 + index * 1111}`)))))
  return {
    /** @param {import('./purchase.js').Purchase} purchase */
    async pay(purchase) {
      const chosen = /** @type {HTMLInputElement} */ (place.querySelector(`[name=${name}]:checked`))
      await purchase.payWithTestCard(chosen.value)
    },
  }
}
