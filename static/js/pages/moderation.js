/** The moderators' queue: context, a reason, a decision. */
import '../dom/frame.js'
import { confirmed } from '../dom/confirm.js'
import { find } from '../dom/element.js'
import { toast } from '../dom/toast.js'
import { say } from '../facts.js'
import { reportCard } from '../moderation/report_card.js'
import { call } from '../wire/api.js'

const LOOK_MS = 5000
const SERIOUS = ['suspend', 'end_room']

/** @type {string | null} ids of the reports on screen */
let shown = null

/** @param {boolean} [isForced] */
async function look(isForced = false) {
  const { reports } = await call('GET', '/api/moderation/reports?state=open')
  const ids = reports.map((/** @type {any} */ report) => report.report_id).join()
  const isWriting = document.activeElement?.closest('.report input') !== null && document.activeElement?.matches('input')
  if (!isForced && (ids === shown || isWriting)) return
  shown = ids
  const nothing = /** @type {HTMLTemplateElement} */ (find('nothing')).content.cloneNode(true)
  const cards = reports.map((/** @type {any} */ report) => reportCard(report, decide))
  find('queue').replaceChildren(...(cards.length ? cards : [nothing]))
  select(0)
}

/** @param {any} report @param {string} action @param {HTMLInputElement} reason */
async function decide(report, action, reason) {
  if (!reason.value.trim()) {
    reason.focus()
    return toast(say('moderation.reason_first'), 'bad')
  }
  const act = () => call('POST', '/api/moderation/actions', {
    body: { action, report_id: report.report_id, reason: reason.value.trim() },
  })
  if (SERIOUS.includes(action)) {
    const isDone = await confirmed({ title: say(`moderation.${action}`), why: reason.value, yes: say(`moderation.${action}`) }, act)
    if (!isDone) return
  } else await act()
  toast(say('moderation.done'), 'good')
  await look(true)
}

/** @param {number} step 0 chooses the first */
function select(step) {
  const cards = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.report')])
  const at = cards.findIndex(card => card.getAttribute('aria-current') === 'true')
  const next = cards[Math.max(0, Math.min(cards.length - 1, step === 0 ? 0 : at + step))]
  for (const card of cards) card.setAttribute('aria-current', String(card === next))
  if (step !== 0) next?.scrollIntoView({ block: 'center', behavior: 'smooth' })
}

document.addEventListener('keydown', event => {
  const on = /** @type {HTMLElement} */ (event.target)
  if (on.closest('input, textarea, dialog') || event.ctrlKey || event.metaKey) return
  if (event.key === 'j') select(1)
  if (event.key === 'k') select(-1)
  if (event.key === 'd') /** @type {HTMLElement | null} */ (document.querySelector('.report[aria-current="true"] [data-action="dismiss"]'))?.click()
})

const again = async () => {
  await look().catch(() => {})
  setTimeout(again, LOOK_MS)
}
void again()
