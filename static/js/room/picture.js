/** The room's picture through its life: coming in, live, waiting, over. */
import { find, make } from '../dom/element.js'
import { say } from '../facts.js'
import { Watching } from '../wire/watching.js'
import { Stage } from './stage.js'

/** @typedef {import('../facts.js').Room} Room */

export class Picture {
  stage = new Stage()
  /** @type {Set<string>} */
  #down = new Set()
  #watching

  /** @param {Room} room @param {import('./view_token.js').ViewToken} view */
  constructor(room, view) {
    this.room = room
    this.#watching = new Watching(room.room_id, () => view.get(), {
      stream: stream => void this.stage.play(stream),
      state: (state, code) => {
        this.link('picture', state !== 'lost')
        if (state === 'waiting') this.#waiting()
        if (state === 'refused' && code !== 'room_ended') view.forget()
      },
    })
    addEventListener('pagehide', () => this.#watching.leave())
    addEventListener('pageshow', event => event.persisted && this.#watching.nudge())
  }

  /** Tell people while something is on its way back. @param {'picture' | 'socket'} part @param {boolean} isUp */
  link(part, isUp) {
    if (isUp) this.#down.delete(part)
    else this.#down.add(part)
    this.stage.link(this.#down.size ? say('watch.reconnecting') : '')
  }

  join() {
    void this.#watching.join()
  }

  /** @param {string} state @param {string} title @param {string} [reason] */
  roomIs(state, title, reason) {
    const before = this.room.state
    find('room-title').textContent = title
    find('live-chip').hidden = state !== 'live'
    this.room.state = state
    if (state === 'ended') this.ended(reason)
    if (state === 'live' && before !== 'live') this.#watching.nudge()
    if (state === 'open' && before === 'live') this.stage.say(...this.#away())
  }

  /** @param {string} [reason] */
  ended(reason) {
    this.room.state = 'ended'
    this.#over(say('watch.ended'), reason || say('watch.ended_why'))
  }

  /** @param {string} reason */
  removed(reason) {
    this.#over(say('watch.removed'), reason && say('watch.removed_why', { reason }))
  }

  // Internal

  /** @param {string} heading @param {string} why */
  #over(heading, why) {
    this.#watching.close({ isGone: true })
    this.stage.stop()
    this.stage.link('')
    this.stage.say(heading, why, make('a', { class: 'button', href: '/' }, say('watch.more_live')))
  }

  #waiting() {
    const name = this.room.creator.display_name
    if (this.room.state === 'open') this.stage.say(say('watch.not_yet'), say('watch.not_yet_why', { name }))
    else this.stage.say(...this.#away())
  }

  /** @returns {[string, string]} */
  #away() {
    return [say('watch.waiting', { name: this.room.creator.display_name }), say('watch.waiting_why')]
  }
}
