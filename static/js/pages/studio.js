/** The studio: from getting ready to the summary. */
import '../dom/frame.js'
import { onPress, onSubmit, tell } from '../dom/busy.js'
import { copy, find, make } from '../dom/element.js'
import { later } from '../dom/later.js'
import { refusalWords } from '../dom/refusals.js'
import { toast } from '../dom/toast.js'
import { facts, say } from '../facts.js'
import { heldRoom, holdRoom } from '../studio/held_room.js'
import { OwnPicture } from '../studio/own_picture.js'
import { Ready } from '../studio/ready.js'
import { call } from '../wire/api.js'

/** @typedef {import('../studio/held_room.js').Held} Held */
/** @typedef {import('../studio/on_air.js').OnAir} OnAir */
/** @typedef {import('../facts.js').Room} Room */
const onAirPart = later(() => import('../studio/on_air.js'), ['lanes', 'sheets'])
const endingPart = later(() => import('../studio/ending.js'), ['sheets'])

class Studio {
  #picture = new OwnPicture()
  #ready = new Ready(stream => this.#picture.show(stream), track => this.#onAir?.replace(track))
  /** @type {OnAir | null} */
  #onAir = null

  open() {
    onSubmit(find('ready'), values => this.#goLive(values))
    onPress(find('end'), () => this.#askToEnd())
    find('new-broadcast').addEventListener('click', () => location.reload())
    addEventListener('beforeunload', event => this.#onAir?.isSending && event.preventDefault())
    addEventListener('pagehide', () => this.#onAir?.close())
    const rooms = /** @type {Room[]} */ (facts.open_rooms)
    const elsewhere = rooms.find(room => room.state === 'live' && room.room_id !== heldRoom()?.room_id)
    if (elsewhere) return void this.#goOn(elsewhere)
    this.#showOpenRooms(rooms)
    void this.#ready.open()
  }

  /** @param {Record<string, string>} values */
  async #goLive({ title, tags }) {
    let room = heldRoom()
    if (!room || room.title !== title) {
      const words = tags.split(',').map(tag => tag.trim()).filter(Boolean)
      const opened = await call('POST', '/api/rooms', { body: { title, tags: words } })
      room = { room_id: opened.room_id, stream_key: opened.stream_key, title }
      holdRoom(room)
    }
    await this.#send(room)
  }

  /** @param {Held} room */
  async #send(room) {
    const onAir = await this.#enter(room.room_id)
    await onAir.send(room.stream_key, this.#ready.devices.stream)
  }

  /** @param {string} roomId */
  async #enter(roomId) {
    const { OnAir } = await onAirPart()
    find('before').hidden = true
    find('open-rooms').hidden = true
    this.#ready.close()
    this.#onAir = new OnAir(roomId, this.#picture, {
      ended: reason => {
        this.#leave({ isGone: true })
        this.#picture.say(say('watch.ended'), reason)
      },
      refused: code => {
        this.#leave()
        find('before').hidden = false
        tell(find('ready'), refusalWords(code) ?? say('studio.refused', { reason: code }))
      },
    })
    return this.#onAir
  }

  /** @param {{ isGone?: boolean }} [why] */
  #leave(why) {
    holdRoom(null)
    this.#onAir?.close(why)
    this.#onAir = null
    this.#picture.is('before')
    find('studio-chat').hidden = true
  }

  async #askToEnd() {
    const { askToEnd } = await endingPart()
    const { roomId, viewerCount } = this.#onAir ?? { roomId: '', viewerCount: 0 }
    if (roomId) await askToEnd(viewerCount, () => this.#end(roomId))
  }

  /** @param {string} roomId */
  async #end(roomId) {
    const { endRoom, showSummary } = await endingPart()
    const summary = await endRoom(roomId)
    this.#leave({ isGone: true })
    showSummary(summary)
  }

  // Rooms left open

  /** @param {Room[]} rooms */
  #showOpenRooms(rooms) {
    find('open-rooms').hidden = rooms.length === 0
    find('open-room-list').replaceChildren(...rooms.slice(0, 3).map(room => {
      const goOn = make('button', { class: 'button small', type: 'button' }, say('studio.go_on'))
      const end = make('button', { class: 'button quiet small', type: 'button' }, say('studio.end'))
      onPress(goOn, () => this.#goOn(room))
      onPress(end, () => this.#end(room.room_id))
      return make('div', { class: 'row apart' },
        make('span', { class: 'grow' }, say('studio.open_rooms_why', { title: room.title })), goOn, end)
    }))
  }

  /** @param {Room} room */
  async #goOn(room) {
    const held = heldRoom()
    const hasPicture = this.#ready.devices.stream.getVideoTracks().length > 0
    if (held?.room_id === room.room_id && hasPicture) return this.#send(held)
    const onAir = await this.#enter(room.room_id)
    this.#picture.is('elsewhere')
    this.#picture.say(say('studio.elsewhere'), say('studio.elsewhere_why'))
    onAir.mirror()
  }
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    await copy(find(/** @type {HTMLElement} */ (button).dataset.copy ?? '').textContent)
    toast(say('common.copied'), 'good')
  })
}
if (document.getElementById('ready')) {
  new Studio().open()
  const channelPart = later(() => import('../studio/channel_key.js'), ['sheets'])
  find('obs-card').addEventListener('toggle', async () => (await channelPart()).channelKey(), { once: true })
}
