/** The token of one's watching of one room: socket and media carry the same. No DOM. */
import { call } from '../wire/api.js'

export class ViewToken {
  /** @type {Promise<string> | null} */
  #token = null
  /** @param {string} roomId */
  constructor(roomId) {
    this.roomId = roomId
  }
  get() {
    this.#token ??= call('POST', `/api/rooms/${this.roomId}/views`).then(view => view.view_token)
    this.#token.catch(() => this.forget())
    return this.#token
  }
  /** The socket got a newer one. @param {string} token */
  is(token) {
    this.#token = Promise.resolve(token)
  }
  forget() {
    this.#token = null
  }
}
