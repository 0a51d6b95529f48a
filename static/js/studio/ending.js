/** Ending a broadcast: asked once, then its figures. */
import { confirmed } from '../dom/confirm.js'
import { find, make } from '../dom/element.js'
import { Sheet } from '../dom/sheet.js'
import { counted, say } from '../facts.js'
import { call } from '../wire/api.js'

const MINUTE_MS = 60_000

/** @param {number} viewerCount @param {() => Promise<unknown>} work */
export function askToEnd(viewerCount, work) {
  return confirmed({
    title: say('studio.end_sure'), why: say('studio.end_why', { n: viewerCount }),
    yes: say('studio.end'), no: say('studio.stay'),
  }, work)
}

/** End the room for everybody. @param {string} roomId @returns {Promise<Record<string, number>>} its figures */
export async function endRoom(roomId) {
  const { summary } = await call('POST', `/api/rooms/${roomId}/end`, { body: undefined })
  return summary
}

/** @param {Record<string, number>} summary */
export function showSummary(summary) {
  const figures = {
    minutes: Math.round(summary.live_ms / MINUTE_MS), views: summary.view_count, peak: summary.peak_viewer_count,
    gifts: summary.gift_count, coins: summary.coins, diamonds: summary.diamonds,
    likes: summary.like_count, messages: summary.message_count,
  }
  find('summary').replaceChildren(...Object.entries(figures).map(([name, value]) => make('div', { class: 'tile' },
    make('dt', {}, say(`studio.${name}`)), make('dd', {}, counted(value ?? 0)))))
  new Sheet(find('summary-sheet')).open()
}
