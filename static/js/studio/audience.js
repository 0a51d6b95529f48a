/** The room beside one's picture: chat with moderation, gifts, viewers, supporters. */
import { ChatList } from '../chat/chat_list.js'
import { Composer } from '../chat/composer.js'
import { deleteMessage, mutePerson, PersonSheet, removePerson } from '../chat/person_sheet.js'
import { find, iconButton, make } from '../dom/element.js'
import { wordsOf } from '../dom/refusals.js'
import { toast } from '../dom/toast.js'
import { say } from '../facts.js'
import { me } from '../people/me.js'
import { ReportSheet } from '../people/report_sheet.js'
import { showSupporters } from '../room/boards.js'
import { GiftShow } from '../room/gift_show.js'
import { ViewToken } from '../room/view_token.js'
import { csrf } from '../wire/api.js'
import { RoomSocket } from '../wire/room_socket.js'
import { Tiles } from './tiles.js'

/** @typedef {import('../wire/frames.js').ChatBody} ChatBody */
/** @typedef {import('../wire/frames.js').Body} Body */

export class Audience {
  #reports = new ReportSheet()
  #view
  #socket
  #chat
  #show
  tiles = new Tiles()

  /** @param {string} roomId @param {(state: string, reason: string) => void} onState of the room */
  constructor(roomId, onState) {
    this.roomId = roomId
    this.onState = onState
    this.#view = new ViewToken(roomId)
    const people = new PersonSheet({
      roomId, mayModerate: true, report: subject => this.#reports.open({ room_id: roomId, ...subject }),
      onBlocked: handle => this.#chat.block(handle),
    })
    this.#chat = new ChatList(body => people.open(body), body => this.#tools(body))
    this.#show = new GiftShow({ lanes: find('lanes'), scene: null, stage: find('own'), chat: this.#chat, thanks: true })
    this.#socket = new RoomSocket(roomId, async () => ({ view_token: await this.#view.get(), csrf: csrf.token }), {
      welcome: (greeting, rebuilt) => this.#welcome(greeting, rebuilt),
      body: body => this.#heard(body),
      link: () => {},
      refused: (_code, reason) => onState('ended', reason),
    })
    new Composer({
      needPerson: async () => true,
      onPending: text => this.#chat.pending(text),
      send: message => this.#socket.request(message),
      onSaid: body => this.#chat.say(body),
    })
  }

  open() {
    for (const id of ['studio-chat', 'supporters-card']) find(id).hidden = false
    void this.tiles.open(this.roomId).catch(error => toast(wordsOf(error), 'bad'))
    void this.#socket.open()
  }

  viewToken() {
    return this.#view.get()
  }

  close() {
    this.#socket.close()
    this.tiles.close()
  }

  // Internal

  /** @param {import('../wire/frames.js').Welcome} greeting @param {boolean} rebuilt */
  #welcome({ room, you }, rebuilt) {
    this.#view.is(you.view_token)
    if (rebuilt) this.#chat.reset(room.chat)
    this.tiles.viewers(room.viewers)
    this.tiles.likes(room.likes)
    showSupporters(find('supporters'), room.supporters)
    this.onState(room.state, '')
  }

  /** @param {Body} body */
  #heard(body) {
    const hear = /** @type {Record<string, () => void>} */ ({
      gift: () => {
        this.#show.add(/** @type {any} */ (body))
        this.tiles.gift(/** @type {any} */ (body))
      },
      chat: () => this.#chat.say(/** @type {any} */ (body)),
      chat_deleted: () => this.#chat.deleted(body.id),
      room: () => this.onState(body.state, body.reason ?? ''),
      likes: () => this.tiles.likes(body.total),
      viewers: () => this.tiles.viewers(body.count),
      supporters: () => showSupporters(find('supporters'), body.top),
      joined: () => this.#chat.note(say('chat.joined', { name: body.display_name })),
      notice: () => toast(body.reason, 'bad'),
    })[body.t]
    hear?.()
  }

  /** @param {ChatBody} body */
  #tools(body) {
    const { handle } = body.from
    const told = (/** @type {Promise<unknown>} */ work) => void work.catch(error => toast(wordsOf(error), 'bad'))
    const remove = iconButton('trash', say('chat.delete'), () => told(deleteMessage(this.roomId, body.id)))
    if (handle === me.current?.handle) return [make('span', { class: 'tools' }, remove)]
    return [make('span', { class: 'tools' }, remove,
      iconButton('mute', say('chat.mute'), () => told(mutePerson(this.roomId, handle))),
      iconButton('remove', say('chat.remove'), () => told(removePerson(this.roomId, handle))))]
  }
}
