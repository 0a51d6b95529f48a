/** What one can do about a person in the chat; more for whoever owns the room. */
import { busy } from '../dom/busy.js'
import { find, make } from '../dom/element.js'
import { wordsOf } from '../dom/refusals.js'
import { Sheet } from '../dom/sheet.js'
import { toast } from '../dom/toast.js'
import { say } from '../facts.js'
import { me } from '../people/me.js'
import { call } from '../wire/api.js'

/** @typedef {import('../wire/frames.js').ChatBody} ChatBody */
const MUTE_MIN = 10

export class PersonSheet {
  #sheet = new Sheet(find('person-sheet'))

  /**
   * @param {object} room
   * @param {string} room.roomId
   * @param {boolean} room.mayModerate
   * @param {(subject: Record<string, string>) => void} room.report
   * @param {(handle: string) => void} room.onBlocked
   */
  constructor(room) {
    this.room = room
  }

  /** @param {ChatBody} body */
  open(body) {
    const { handle, display_name: name } = body.from
    find('person-name').textContent = say('chat.about', { name })
    const isOwn = handle === me.current?.handle
    /** @type {HTMLElement[]} */
    const choices = [make('a', { href: `/@${handle}`, target: '_blank', rel: 'noopener' }, say('chat.channel'))]
    if (this.room.mayModerate) choices.push(this.#choice('chat.delete', handle, () => deleteMessage(this.room.roomId, body.id)))
    if (this.room.mayModerate && !isOwn) {
      choices.push(this.#choice('chat.mute', handle, () => mutePerson(this.room.roomId, handle)),
        this.#choice('chat.remove', handle, () => removePerson(this.room.roomId, handle)))
    }
    if (!isOwn) {
      choices.push(this.#choice('chat.report_message', handle, async () => this.room.report({ message_id: body.id })),
        this.#choice('chat.report_person', handle, async () => this.room.report({ handle })))
    }
    if (!isOwn && me.current) choices.push(this.#choice('chat.block', handle, () => this.#block(handle)))
    find('person-choices').replaceChildren(...choices)
    this.#sheet.open()
  }

  /** @param {string} words @param {string} handle @param {() => Promise<unknown>} work */
  #choice(words, handle, work) {
    const button = make('button', { type: 'button' }, say(words, { handle }))
    button.addEventListener('click', () => busy(button, async () => {
      await work()
      this.#sheet.close()
    }).catch(error => toast(wordsOf(error), 'bad')))
    return button
  }

  /** @param {string} handle */
  async #block(handle) {
    await call('PUT', `/api/accounts/${handle}/block`)
    this.room.onBlocked(handle)
    toast(say('chat.blocked', { handle }))
  }
}

/** @param {string} roomId @param {string} messageId */
export function deleteMessage(roomId, messageId) {
  return call('DELETE', `/api/rooms/${roomId}/messages/${messageId}`)
}

/** @param {string} roomId @param {string} handle */
export async function mutePerson(roomId, handle) {
  await call('PUT', `/api/rooms/${roomId}/mutes/${handle}`, { body: { reason: say('chat.reason'), minutes: MUTE_MIN } })
  toast(say('chat.muted_them', { handle }))
}

/** @param {string} roomId @param {string} handle */
export async function removePerson(roomId, handle) {
  await call('PUT', `/api/rooms/${roomId}/bans/${handle}`, { body: { reason: say('chat.reason') } })
  toast(say('chat.removed_them', { handle }))
}
