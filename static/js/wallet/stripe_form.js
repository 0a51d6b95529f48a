/**
 * Stripe's own payment form. Its script is loaded from Stripe, here and nowhere else; card numbers
 * never reach our pages. Source: https://docs.stripe.com/payments/payment-element
 */
import { make } from '../dom/element.js'
import { facts, say } from '../facts.js'
import { Refused } from '../wire/api.js'

/** @type {Promise<void> | null} */
let loading = null

/** @param {HTMLElement} place @param {import('./purchase.js').Purchase} purchase */
export async function stripeForm(place, purchase) {
  const [opened] = await Promise.all([purchase.open(), loadScript()])
  const stripe = /** @type {any} */ (globalThis).Stripe(opened.publishable_key)
  const isDark = getComputedStyle(document.documentElement).colorScheme.startsWith('dark')
  const elements = stripe.elements({
    clientSecret: opened.client_secret,
    appearance: { theme: isDark ? 'night' : 'stripe' },
  })
  const mount = make('div', { class: 'payment-element' })
  place.replaceChildren(mount)
  elements.create('payment', { layout: 'tabs' }).mount(mount)
  return {
    async pay() {
      const { error } = await stripe.confirmPayment({
        elements,
        // Only ways to pay that leave the page come back by this address.
        confirmParams: { return_url: `${location.origin}/wallet?purchase=${opened.purchase_id}` },
        redirect: 'if_required', // 3-D Secure runs in Stripe's own frame over the page
      })
      if (error) throw new Refused(402, { code: 'payment_refused', title: error.message })
    },
  }
}

function loadScript() {
  loading ??= new Promise((resolve, reject) => {
    const failed = () => {
      loading = null // a second try loads it anew
      reject(new Refused(0, { code: 'no_script', title: say('buy.no_script') }))
    }
    document.head.append(make('script', {
      src: facts.stripe_script, async: true, onload: () => resolve(), onerror: failed,
    }))
  })
  return loading
}
