/** What opens over the video: sheets and the tray, each fetched when first wanted. */
import { find } from '../dom/element.js'
import { later } from '../dom/later.js'
import { me } from '../people/me.js'

const SHEETS = ['sheets']

/**
 * @typedef {object} Floor what the parts stand on
 * @property {import('../facts.js').Room} room
 * @property {import('../wire/room_socket.js').RoomSocket} socket
 * @property {import('./gift_show.js').GiftShow} show
 * @property {import('../chat/chat_list.js').ChatList} chat
 */

export class OverVideo {
  /** @param {Floor} floor */
  constructor(floor) {
    this.floor = floor
  }

  entry = later(async () => new (await import('../people/entry_sheet.js')).EntrySheet(), SHEETS)
  packs = later(async () => new (await import('../wallet/pack_sheet.js')).PackSheet(), SHEETS)
  reports = later(async () => new (await import('../people/report_sheet.js')).ReportSheet(), SHEETS)
  #sheets = later(async () => (await import('../dom/sheet.js')).Sheet, SHEETS)
  #people = later(() => this.#openPeople(), SHEETS)
  #tray = later(() => this.#openTray(), ['sheets', 'tray'])

  /** @param {string} why @returns {Promise<boolean>} whether somebody is logged in now */
  async needPerson(why) {
    return me.current !== null || (await this.entry()).need(why)
  }

  async toggleTray() {
    (await this.#tray()).toggle()
  }

  /** @param {import('../wire/frames.js').ChatBody} body */
  async aboutPerson(body) {
    (await this.#people()).open(body)
  }

  /** @param {Record<string, string>} [subject] */
  async report(subject = {}) {
    (await this.reports()).open({ room_id: this.floor.room.room_id, ...subject })
  }

  /** A sheet that needs nothing but to be opened. @param {string} id */
  async sheet(id) {
    const Sheet = await this.#sheets()
    const sheet = new Sheet(find(id))
    sheet.open()
    return sheet
  }

  // Internal

  async #openPeople() {
    const { PersonSheet } = await import('../chat/person_sheet.js')
    const { room, chat } = this.floor
    const isModerator = (me.current?.roles ?? []).some(role => ['moderator', 'admin'].includes(role))
    return new PersonSheet({
      roomId: room.room_id,
      mayModerate: room.mine || isModerator,
      report: subject => void this.report(subject),
      onBlocked: handle => chat.block(handle),
    })
  }

  async #openTray() {
    const [{ Tray }, { sendGift }] = await Promise.all([import('../gifts/tray.js'), import('./gift_sender.js')])
    const { socket, show } = this.floor
    return new Tray({
      send: order => sendGift(socket, order),
      onPending: (order, gift) => show.pending(order, gift),
      onRefused: order => show.takenBack(order),
      needPerson: why => this.needPerson(why),
      buy: async missing => (await this.packs()).open(missing),
    })
  }
}
