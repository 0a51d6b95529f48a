/** The wallet: buying, and history further back. */
import '../dom/frame.js'
import { onPress } from '../dom/busy.js'
import { find, make } from '../dom/element.js'
import { toast } from '../dom/toast.js'
import { counted, say } from '../facts.js'
import { PackSheet } from '../wallet/pack_sheet.js'
import { call } from '../wire/api.js'

const packs = new PackSheet()
find('buy').addEventListener('click', async () => {
  if (await packs.open(0)) location.reload()
})

const more = document.getElementById('more')
if (more) {
  onPress(more, async () => {
    const page = await call('GET', `/api/wallet/history?cursor=${encodeURIComponent(more.dataset.cursor ?? '')}`)
    find('history').append(...page.entries.map(line))
    more.dataset.cursor = page.cursor ?? ''
    more.hidden = !page.cursor
  })
}

/** @param {any} entry */
function line({ words, at, coins = 0, diamonds = 0 }) {
  const when = new Date(at).toISOString().replace('T', ' ').slice(0, 16)
  return make('li', {},
    make('span', { class: 'grow' }, words, make('small', {}, make('time', { datetime: at }, when))),
    coins ? amount(coins, 'coins') : null,
    diamonds ? amount(diamonds, 'coins diamonds') : null)
}

/** @param {number} count @param {string} kind */
function amount(count, kind) {
  return make('span', { class: `${count > 0 ? 'plus' : 'minus'} numbers` },
    count > 0 ? '+' : '−', make('span', { class: kind }, counted(Math.abs(count))))
}

/** Back from a bank's page: the server asks Stripe, and we wait for its word. */
async function returned() {
  const purchaseId = new URLSearchParams(location.search).get('purchase')
  if (!purchaseId) return
  history.replaceState(null, '', '/wallet')
  const seen = await call('POST', `/api/wallet/purchases/${encodeURIComponent(purchaseId)}/return`, { body: undefined })
  if (seen.status === 'paid') {
    toast(say('buy.done', { n: seen.coins }), 'good')
    find('coins').textContent = counted((await call('GET', '/api/wallet')).coins)
  } else toast(say(seen.status === 'canceled' ? 'buy.failed' : 'buy.slow'))
}
void returned().catch(() => {})
