/** One report with what is needed to decide. */
import { make } from '../dom/element.js'
import { wordsOf } from '../dom/refusals.js'
import { busy } from '../dom/busy.js'
import { toast } from '../dom/toast.js'
import { say } from '../facts.js'

/** @typedef {(report: any, action: string, reason: HTMLInputElement) => Promise<unknown>} Decide */

/** @param {any} report @param {Decide} decide */
export function reportCard(report, decide) {
  const reason = make('input', { class: 'input', maxlength: 500, placeholder: say('moderation.reason_hint'), 'aria-label': say('moderation.reason') })
  return make('article', { class: 'card report', 'data-report': report.report_id },
    make('div', { class: 'row' },
      make('span', { class: 'chip warn' }, say(`report.${report.reason}`)),
      make('span', { class: 'soft small' }, say('moderation.reported', { at: moment(report.reported_at) }), ' ',
        report.reporter ? say('moderation.by', { handle: report.reporter.handle }) : say('moderation.by_guest')),
      report.open_count > 1 ? make('span', { class: 'chip bad' }, say('moderation.times', { n: report.open_count })) : null),
    subject(report),
    report.detail ? make('blockquote', {}, report.detail) : null,
    report.chat.length ? talk(report.chat) : null,
    report.history.length ? history(report.history) : null,
    make('label', { class: 'field' }, make('span', {}, say('moderation.reason')), reason),
    make('div', { class: 'row' }, ...actionsFor(report).map(action => button(report, action, reason, decide))))
}

/** @param {any} report */
function subject({ room, account, message_id }) {
  const parts = []
  if (account) parts.push(make('a', { href: `/@${account.handle}` }, `${account.display_name} @${account.handle}`))
  if (account?.suspended) parts.push(make('span', { class: 'chip bad' }, say('common.suspended')))
  if (room) parts.push(make('a', { href: `/rooms/${room.room_id}`, target: '_blank', rel: 'noopener' }, `${say('moderation.look')}: ${room.title}`))
  const kind = message_id ? 'message' : room ? 'room' : 'account'
  return make('div', { class: 'row' }, make('strong', {}, say(`moderation.${kind}`)), ...parts)
}

/** @param {any[]} lines */
function talk(lines) {
  return make('div', { class: 'stack close' }, make('h3', {}, say('moderation.context')),
    make('ul', {}, ...lines.map(line => make('li', { class: 'small' },
      make('b', {}, line.from ? `${line.from.display_name}: ` : ''),
      line.reported
        ? make('span', { class: 'veiled', tabindex: 0, title: say('moderation.unveil') }, line.text)
        : line.text,
      line.deleted ? make('span', { class: 'chip' }, say('moderation.delete_message')) : null))))
}

/** @param {any[]} acts */
function history(acts) {
  return make('div', { class: 'stack close' }, make('h3', {}, say('moderation.history')),
    make('ul', {}, ...acts.map(act => make('li', { class: 'small soft' },
      `${moment(act.at)} · ${say(`moderation.${act.action}`)} · ${act.reason}`))))
}

/** @param {any} report */
function actionsFor({ room, account, message_id }) {
  const found = ['dismiss']
  if (message_id) found.push('delete_message')
  if (account && room && room.creator?.handle !== account.handle) found.push('mute', 'remove')
  if (room && room.state !== 'ended') found.push('end_room')
  if (account || room) found.push(account?.suspended ? 'restore' : 'suspend')
  return found
}

/** @param {any} report @param {string} action @param {HTMLInputElement} reason @param {Decide} decide */
function button(report, action, reason, decide) {
  const isSerious = ['end_room', 'suspend'].includes(action)
  const made = make('button', { class: `button small ${isSerious ? 'danger' : 'quiet'}`, type: 'button', 'data-action': action }, say(`moderation.${action}`))
  made.addEventListener('click', () => busy(made, () => decide(report, action, reason)).catch(error => toast(wordsOf(error), 'bad')))
  return made
}

/** @param {string} at */
function moment(at) {
  return new Date(at).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })
}
