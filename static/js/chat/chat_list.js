/** The lines of a chat: newest at the bottom, paused while somebody reads further up. */
import { find, make } from '../dom/element.js'
import { facts, say, staticUrl } from '../facts.js'
import { me } from '../people/me.js'

const LINES_MAX = 200
const NEAR_PX = 48
const READ_OUT_MS = 3000

/** @typedef {import('../wire/frames.js').ChatBody} ChatBody */

export class ChatList {
  #list = find('chat')
  #newer = find('newer')
  #unread = 0
  #readOutAt = -READ_OUT_MS
  /** @type {Set<string>} handles */
  #blocked = new Set()
  /** @type {{ text: string, element: HTMLElement }[]} */
  #pending = []

  /**
   * @param {(body: ChatBody) => void} onName a name was pressed
   * @param {(body: ChatBody) => Node[]} [tools] buttons on each line
   */
  constructor(onName, tools = () => []) {
    this.onName = onName
    this.tools = tools
    this.#list.addEventListener('scroll', () => this.#isAtEnd() && this.#caughtUp())
    this.#newer.addEventListener('click', () => this.toEnd())
    this.#list.addEventListener('contextmenu', (/** @type {MouseEvent} */ event) => {
      const line = /** @type {HTMLElement} */ (event.target).closest('.chat-line')
      const name = /** @type {HTMLElement | null | undefined} */ (line?.querySelector('.who'))
      if (!name) return
      event.preventDefault() // a long press on a phone
      name.click()
    })
  }

  /** Start over with these lines. @param {readonly ChatBody[]} lines */
  reset(lines) {
    this.#list.replaceChildren()
    if (!lines.length) this.#list.append(make('li', { class: 'chat-empty' }, say('chat.empty')))
    for (const line of lines) this.say(line, true)
    this.toEnd()
  }

  /** @param {ChatBody} body @param {boolean} [isOld] */
  say(body, isOld = false) {
    if (this.#blocked.has(body.from.handle) || this.#lineOf(body.id)) return
    const isOwn = body.from.handle === me.current?.handle
    const line = make('li', { class: `chat-line ${isOwn ? 'own' : ''}`, 'data-id': body.id, 'data-handle': body.from.handle },
      ...this.#marks(body),
      make('button', { class: 'who', type: 'button', onclick: () => this.onName(body) }, body.from.display_name),
      make('span', { class: 'text' }, body.text),
      ...this.tools(body))
    const pending = isOwn ? this.#pending.findIndex(one => one.text === body.text) : -1
    if (pending >= 0) {
      this.#pending.splice(pending, 1)[0].element.replaceWith(line)
      return
    }
    this.#append(line)
    if (!isOld && !isOwn) this.#readOut(`${body.from.display_name}: ${body.text}`)
  }

  /** One's own line, before the room has it. @param {string} text */
  pending(text) {
    const element = make('li', { class: 'chat-line own pending' },
      make('span', { class: 'who' }, me.current?.display_name ?? ''), make('span', { class: 'text' }, text))
    const entry = { text, element }
    this.#pending.push(entry)
    this.#append(element)
    this.toEnd()
    return {
      /** @param {string} words */
      refused: words => {
        this.#pending = this.#pending.filter(one => one !== entry)
        element.className = 'chat-line refused'
        element.textContent = say('chat.refused', { reason: words })
      },
    }
  }

  /** A gift worth a line. @param {import('../wire/frames.js').GiftBody} body @param {string} [words] */
  gift(body, words = '') {
    const kind = facts.gifts.find(one => one.gift_id === body.gift_id)
    const name = kind?.name ?? body.gift_id
    const key = body.quantity > 1 ? 'chat.gifted_many' : 'chat.gifted'
    this.#append(make('li', { class: 'chat-line gift-line' },
      make('img', { src: staticUrl(kind?.art ?? `art/gifts/${body.gift_id}.svg`), alt: '', width: 20, height: 20 }),
      ' ', say(key, { name: body.from.display_name, gift: name, n: body.quantity }), words ? ` · ${words}` : ''))
  }

  /** @param {string} words */
  note(words) {
    this.#append(make('li', { class: 'chat-line joined' }, words))
  }

  /** @param {string} messageId */
  deleted(messageId) {
    const line = this.#lineOf(messageId)
    if (!line) return
    line.className = 'chat-line gone'
    line.replaceChildren(say('chat.deleted'))
  }

  /** Hide somebody's lines, now and later. @param {string} handle */
  block(handle) {
    this.#blocked.add(handle)
    for (const line of this.#list.querySelectorAll(`[data-handle="${CSS.escape(handle)}"]`)) line.remove()
  }

  toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight
    this.#caughtUp()
  }

  // Internal

  /** @param {ChatBody} body */
  #marks(body) {
    if (body.from.creator) return [make('span', { class: 'chip' }, say('chat.creator'))]
    if (body.from.moderator) return [make('span', { class: 'chip good' }, say('chat.moderator'))]
    return []
  }

  /** @param {string} messageId @returns {HTMLElement | null} */
  #lineOf(messageId) {
    return this.#list.querySelector(`[data-id="${CSS.escape(messageId)}"]`)
  }

  /** @param {HTMLElement} line */
  #append(line) {
    const follows = this.#isAtEnd()
    this.#list.querySelector('.chat-empty')?.remove()
    this.#list.append(line)
    if (this.#list.children.length > LINES_MAX) this.#list.firstElementChild.remove()
    if (follows) return this.toEnd()
    this.#unread += 1
    this.#newer.hidden = false
    this.#newer.textContent = say('chat.newer', { n: this.#unread })
  }

  #isAtEnd() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < NEAR_PX
  }

  #caughtUp() {
    this.#unread = 0
    this.#newer.hidden = true
  }

  /** A summary for screen readers: not every line of a busy room. @param {string} words */
  #readOut(words) {
    const now = performance.now()
    if (now - this.#readOutAt < READ_OUT_MS) return
    this.#readOutAt = now
    find('chat-news').textContent = words
  }
}
