/**
 * The websocket's messages, as web/PROTOCOL.md describes them. Types only, and the one place
 * where an unknown message becomes a known one.
 *
 * @typedef {{ handle: string, display_name: string, creator?: boolean, moderator?: boolean }} From
 * @typedef {{ t: 'gift', id: string, from: From, gift_id: string, quantity: number, coins: number,
 *   tier: number, combo: { id: string, count: number } | null, at: string }} GiftBody
 * @typedef {{ t: 'chat', id: string, from: From, text: string, at: string }} ChatBody
 * @typedef {{ handle: string, display_name: string, coins: number }} Supporter
 * @typedef {{ t: string, [member: string]: any }} Body
 * @typedef {{ t: 'welcome', id: number, epoch: string, offset: number, recovered: boolean,
 *   room: { room_id: string, title: string, state: string, creator: From, viewers: number,
 *     likes: number, supporters: Supporter[], chat: ChatBody[] },
 *   you: { handle?: string, can_chat: boolean, can_gift: boolean, view_token: string,
 *     muted?: { until: string | null, reason: string } } }} Welcome
 * @typedef {{ t: 'batch', epoch: string, first: number, count: number, cursor: string,
 *   numbered: Body[], unnumbered: Body[] }} Batch
 * @typedef {{ t: string, id?: number, code?: string | number, detail?: string,
 *   resume?: boolean, [member: string]: any }} Message
 */

/**
 * One received text as a message, or null if it is none of ours.
 * @param {unknown} data @returns {Message | null}
 */
export function decode(data) {
  if (typeof data !== 'string') return null
  try {
    const message = JSON.parse(data)
    return typeof message?.t === 'string' ? message : null
  } catch {
    return null
  }
}
