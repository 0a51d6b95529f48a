/** A room from the moment its creator goes live until they end it. */
import { toast } from '../dom/toast.js'
import { refusalWords } from '../dom/refusals.js'
import { Broadcasting } from '../wire/broadcasting.js'
import { Watching } from '../wire/watching.js'
import { Audience } from './audience.js'
import { HealthLine } from './health_line.js'

/**
 * @typedef {object} Over
 * @property {(reason: string) => void} ended somebody else ended the room
 * @property {(code: string) => void} refused our picture is not taken
 */

export class OnAir {
  #health = new HealthLine()
  #roomState = 'open'
  #isSending = false
  /** @type {Broadcasting | null} our own picture */
  #broadcast = null
  /** @type {Watching | null} shows what another program sends */
  #mirror = null
  #audience

  /** @param {string} roomId @param {import('./own_picture.js').OwnPicture} picture @param {Over} over */
  constructor(roomId, picture, over) {
    this.roomId = roomId
    this.picture = picture
    this.over = over
    this.#audience = new Audience(roomId, (state, reason) => this.#roomIs(state, reason))
    this.#audience.open()
  }

  /** Send our camera. @param {string} streamKey @param {MediaStream} stream */
  async send(streamKey, stream) {
    const broadcast = new Broadcasting(this.roomId, streamKey, stream, (state, code) => this.#sending(state, code))
    this.#broadcast = broadcast
    this.#health.watch(() => broadcast.connection)
    await broadcast.start()
  }

  /** Show what another program sends. */
  mirror() {
    this.#mirror = new Watching(this.roomId, () => this.#audience.viewToken(), {
      stream: stream => this.picture.show(stream, { isMirrored: false }),
      state: () => {},
    })
    void this.#mirror.join()
    this.#health.ask(this.roomId)
  }

  /** @param {MediaStreamTrack} track */
  replace(track) {
    void this.#broadcast?.replace(track)
  }

  get isSending() {
    return this.#broadcast !== null
  }

  get viewerCount() {
    return this.#audience.tiles.viewerCount
  }

  /** @param {{ isGone?: boolean }} [why] isGone: the server has ended it */
  close(why) {
    this.#broadcast?.stop(why)
    this.#broadcast = null
    this.#mirror?.close(why)
    this.#audience.close()
    this.#health.stop()
  }

  // Internal

  /** @param {'joining' | 'live' | 'lost' | 'refused'} state @param {string} code */
  #sending(state, code) {
    this.#isSending = state === 'live'
    if (state === 'refused') return this.over.refused(code)
    this.picture.is(state === 'live' ? 'joining' : state)
    this.#drawLive()
    if (code === 'broadcasting') toast(refusalWords(code) ?? code, 'bad')
  }

  /** @param {string} state @param {string} reason */
  #roomIs(state, reason) {
    this.#roomState = state
    if (state === 'ended') this.over.ended(reason)
    else this.#drawLive()
  }

  /** Live is when the room says so: our picture has arrived. */
  #drawLive() {
    if (this.#isSending && this.#roomState === 'live') this.picture.is('live')
  }
}
