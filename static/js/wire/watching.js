/**
 * Keeps a room's media coming: joins by WHEP, comes back when the link is lost. No DOM.
 */
import { Refused } from './api.js'
import { Backoff } from './backoff.js'
import { PeerLink } from './peer_link.js'

/**
 * @typedef {object} Watcher
 * @property {(stream: MediaStream) => void} stream a stream that starts to have a picture
 * @property {(state: 'joining' | 'watching' | 'waiting' | 'lost' | 'refused', code: string) => void} state
 */

export class Watching {
  #backoff = new Backoff()
  /** @type {PeerLink | null} */
  #link = null
  #timer = 0
  #closed = false

  /** @param {string} roomId @param {() => Promise<string>} token @param {Watcher} watcher */
  constructor(roomId, token, watcher) {
    this.roomId = roomId
    this.token = token
    this.watcher = watcher
  }

  /** Join, or join anew; the old stream plays on until the new one has its first frame. */
  async join() {
    clearTimeout(this.#timer)
    if (this.#closed) return
    const before = this.#link
    const link = new PeerLink(() => this.#lost(link))
    this.#link = link
    if (!before) this.watcher.state('joining', '')
    const stream = new MediaStream()
    link.connection.ontrack = ({ track }) => {
      stream.addTrack(track)
      if (track.kind === 'video') track.onunmute = () => this.#arrived(link, before, stream)
    }
    for (const kind of ['video', 'audio']) link.connection.addTransceiver(kind, { direction: 'recvonly' })
    try {
      await link.open(`/whep/${this.roomId}`, await this.token())
    } catch (error) {
      link.close()
      if (this.#link === link) this.#link = before
      this.#refused(error)
    }
  }

  /** The room went live: do not wait for the next try. */
  nudge() {
    if (!this.#link) void this.join()
  }

  /** For good. @param {{ isGone?: boolean }} [why] isGone: the server has ended it */
  close(why) {
    this.#closed = true
    this.leave(why)
  }

  /** Stop receiving for now. @param {{ isGone?: boolean }} [why] */
  leave(why) {
    clearTimeout(this.#timer)
    this.#link?.close(why)
    this.#link = null
  }

  get connection() {
    return this.#link?.connection ?? null
  }

  // Internal

  /** @param {PeerLink} link @param {PeerLink | null} before @param {MediaStream} stream */
  #arrived(link, before, stream) {
    if (this.#link !== link) return
    this.#backoff.reset()
    this.watcher.stream(stream)
    this.watcher.state('watching', '')
    if (before) setTimeout(() => before.close(), 500) // the new picture is up by then
  }

  /** @param {PeerLink} link */
  #lost(link) {
    if (this.#link !== link) return
    this.#link = null
    this.watcher.state('lost', '')
    this.#again(this.#backoff.next())
  }

  /** @param {unknown} error */
  #refused(error) {
    if (!(error instanceof Refused)) throw error
    if ([401, 403, 404, 410].includes(error.status)) {
      return this.watcher.state('refused', error.code)
    }
    if (error.status === 409) {
      this.watcher.state('waiting', error.code)
      return this.#again(Math.max(1000, 1000 * (error.fields.retry_after_s ?? 0)))
    }
    this.watcher.state('lost', error.code)
    this.#again(this.#backoff.next())
  }

  /** @param {number} waitMs */
  #again(waitMs) {
    clearTimeout(this.#timer)
    if (!this.#closed) this.#timer = setTimeout(() => this.join(), waitMs)
  }
}
