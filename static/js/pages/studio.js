/** The studio: from getting ready to the summary. */
import '../dom/frame.js'
import { onSubmit, tell } from '../dom/busy.js'
import { confirmed } from '../dom/confirm.js'
import { copy, find, make } from '../dom/element.js'
import { refusalWords } from '../dom/refusals.js'
import { Sheet } from '../dom/sheet.js'
import { toast } from '../dom/toast.js'
import { counted, facts, say } from '../facts.js'
import { Audience } from '../studio/audience.js'
import { channelKey } from '../studio/channel_key.js'
import { HealthLine } from '../studio/health_line.js'
import { heldRoom, holdRoom } from '../studio/held_room.js'
import { OwnPicture } from '../studio/own_picture.js'
import { Ready } from '../studio/ready.js'
import { Broadcasting } from '../wire/broadcasting.js'
import { call } from '../wire/api.js'
import { Watching } from '../wire/watching.js'

/** @typedef {import('../studio/held_room.js').Held} Held */
/** @typedef {import('../facts.js').Room} Room */

class Studio {
  #picture = new OwnPicture()
  #health = new HealthLine()
  #isSending = false
  /** @type {Watching | null} shows what another program sends */
  #mirror = null
  #roomState = 'open'
  #ready = new Ready(stream => this.#picture.show(stream), track => void this.#broadcast?.replace(track))
  /** @type {Broadcasting | null} */
  #broadcast = null
  /** @type {Audience | null} */
  #audience = null

  open() {
    onSubmit(find('ready'), values => this.#goLive(values))
    find('end').addEventListener('click', () => void this.#askToEnd())
    find('new-broadcast').addEventListener('click', () => location.reload())
    const rooms = /** @type {Room[]} */ (facts.open_rooms)
    const elsewhere = rooms.find(room => room.state === 'live' && room.room_id !== heldRoom()?.room_id)
    if (elsewhere) this.#goOn(elsewhere)
    else {
      this.#showOpenRooms(rooms)
      void this.#ready.open()
    }
    addEventListener('beforeunload', event => this.#broadcast && event.preventDefault())
    addEventListener('pagehide', () => {
      this.#broadcast?.stop()
      this.#mirror?.leave()
    })
  }

  /** @param {Record<string, string>} values */
  async #goLive({ title, tags }) {
    let room = heldRoom()
    if (!room || room.title !== title) {
      const words = tags.split(',').map(tag => tag.trim()).filter(Boolean)
      const opened = await call('POST', '/api/rooms', { body: { title, ...(words.length && { tags: words }) } })
      room = { room_id: opened.room_id, stream_key: opened.stream_key, title }
      holdRoom(room)
    }
    await this.#publish(room)
  }

  /** @param {Held} room */
  async #publish(room) {
    const { stream } = this.#ready.devices
    this.#broadcast = new Broadcasting(room.room_id, room.stream_key, stream, (state, code) => this.#sending(state, code))
    this.#enter(room.room_id)
    this.#health.watch(() => this.#broadcast?.connection ?? null)
    await this.#broadcast.start()
  }

  /** @param {'joining' | 'live' | 'lost' | 'refused'} state @param {string} code */
  #sending(state, code) {
    this.#isSending = state === 'live'
    if (state !== 'refused') this.#picture.is(state === 'live' ? 'joining' : state)
    this.#drawLive()
    if (code === 'broadcasting') toast(refusalWords(code) ?? code, 'bad')
    if (state !== 'refused') return
    holdRoom(null)
    this.#leave()
    tell(find('ready'), refusalWords(code) ?? say('studio.refused', { reason: code }))
  }

  /** @param {string} roomId */
  #enter(roomId) {
    find('before').hidden = true
    find('open-rooms').hidden = true
    this.#ready.close()
    this.#audience = new Audience(roomId, (state, reason) => this.#roomIs(state, reason))
    this.#audience.open()
  }

  /** @param {string} state @param {string} reason */
  #roomIs(state, reason) {
    this.#roomState = state
    if (state === 'ended') this.#ended(reason)
    else this.#drawLive()
  }

  /** Live is when the room says so: our picture has arrived. */
  #drawLive() {
    if (this.#isSending && this.#roomState === 'live') this.#picture.is('live')
  }

  /** @param {{ isGone?: boolean }} [why] */
  #leave(why) {
    this.#broadcast?.stop(why)
    this.#broadcast = null
    this.#mirror?.close(why)
    this.#audience?.close()
    this.#health.stop()
    this.#picture.is('before')
    find('before').hidden = false
    find('studio-chat').hidden = true
  }

  /** A moderator ended it. @param {string} reason */
  #ended(reason) {
    const roomId = this.#audience?.roomId
    if (!roomId) return
    holdRoom(null)
    this.#leave({ isGone: true })
    this.#audience = null
    find('before').hidden = true
    this.#picture.say(say('watch.ended'), reason)
  }

  // Ending

  async #askToEnd() {
    const audience = this.#audience
    if (!audience) return
    await confirmed({
      title: say('studio.end_sure'), why: say('studio.end_why', { n: audience.tiles.viewerCount }),
      yes: say('studio.end'), no: say('studio.stay'),
    }, () => this.#end(audience.roomId))
  }

  /** @param {string} roomId */
  async #end(roomId) {
    this.#audience?.close() // what follows is our own doing
    const { summary } = await call('POST', `/api/rooms/${roomId}/end`, { body: undefined })
    holdRoom(null)
    this.#leave({ isGone: true })
    this.#audience = null
    showSummary(summary)
  }

  // Rooms left open

  /** @param {Room[]} rooms */
  #showOpenRooms(rooms) {
    find('open-rooms').hidden = rooms.length === 0
    find('open-room-list').replaceChildren(...rooms.slice(0, 3).map(room => make('div', { class: 'row apart' },
      make('span', { class: 'grow' }, say('studio.open_rooms_why', { title: room.title })),
      make('button', { class: 'button small', type: 'button', onclick: () => this.#goOn(room) }, say('studio.go_on')),
      make('button', { class: 'button quiet small', type: 'button', onclick: () => void this.#end(room.room_id) }, say('studio.end')))))
  }

  /** @param {Room} room */
  #goOn(room) {
    const held = heldRoom()
    const isOurs = held?.room_id === room.room_id && this.#ready.devices.stream.getVideoTracks().length > 0
    if (held && isOurs) return void this.#publish(held)
    this.#enter(room.room_id)
    this.#picture.is('elsewhere')
    this.#picture.say(say('studio.elsewhere'), say('studio.elsewhere_why'))
    this.#mirror = new Watching(room.room_id, () => this.#audience?.viewToken() ?? Promise.resolve(''), {
      stream: stream => this.#picture.show(stream, { isMirrored: false }),
      state: () => {},
    })
    void this.#mirror.join()
    this.#health.ask(room.room_id)
  }
}

/** @param {Record<string, number>} summary */
function showSummary(summary) {
  const figures = { minutes: Math.round(summary.live_ms / 60_000), views: summary.view_count, peak: summary.peak_viewer_count,
    gifts: summary.gift_count, coins: summary.coins, diamonds: summary.diamonds, likes: summary.like_count, messages: summary.message_count }
  find('summary').replaceChildren(...Object.entries(figures).map(([name, value]) => make('div', { class: 'tile' },
    make('dt', {}, say(`studio.${name}`)), make('dd', {}, counted(value ?? 0)))))
  new Sheet(find('summary-sheet')).open()
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    await copy(find(/** @type {HTMLElement} */ (button).dataset.copy ?? '').textContent)
    toast(say('common.copied'), 'good')
  })
}
if (document.getElementById('ready')) {
  new Studio().open()
  void channelKey()
}
