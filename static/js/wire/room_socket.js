/**
 * One room's websocket: hello, resume, requests with answers, reconnecting. No DOM.
 * @import { Body, Message, Welcome } from './frames.js'
 */
import { call, Refused } from './api.js'
import { Backoff } from './backoff.js'
import { decode } from './frames.js'
import { Inbox } from './inbox.js'

const ANSWER_MS = 10_000
const SILENCE_MS = 25_000 // then ask whether anybody is there
const PROTOCOL = 'ovation.v1.json'
const RESUMABLE_BELOW = 4400 // close codes; web/PROTOCOL.md
const NOT_AUTHORISED = 4401 // our view is out of date: ask for another

/**
 * @typedef {object} Listener
 * @property {(welcome: Welcome, rebuilt: boolean) => void} welcome
 * @property {(body: Body) => void} body
 * @property {(link: 'up' | 'down') => void} link
 * @property {(code: number, detail: string) => void} refused no use in coming back
 */

export class RoomSocket {
  #backoff = new Backoff()
  #inbox = new Inbox()
  #nextId = 1
  #closed = false
  /** @type {WebSocket | null} */
  #socket = null
  /** @type {Map<number, { resolve: (answer: Message) => void, reject: (error: Error) => void }>} */
  #waiting = new Map()
  #timer = 0
  #quiet = 0

  /**
   * @param {string} roomId
   * @param {() => Promise<Record<string, unknown>>} credentials members of the hello message
   * @param {Listener} listener
   */
  constructor(roomId, credentials, listener) {
    this.roomId = roomId
    this.credentials = credentials
    this.listener = listener
  }

  async open() {
    clearTimeout(this.#timer)
    let members
    try {
      members = await this.credentials()
    } catch (error) {
      return this.#credentialsRefused(error)
    }
    if (this.#closed) return
    const url = new URL('/socket', location.href)
    url.protocol = url.protocol.replace('http', 'ws')
    const socket = new WebSocket(url, PROTOCOL)
    this.#socket = socket
    socket.onopen = () => this.#hello(members)
    socket.onmessage = event => socket === this.#socket && this.#receive(decode(event.data))
    socket.onclose = event => socket === this.#socket && this.#lost(event.code)
  }

  /** Come back as somebody else, without a gap. */
  renew() {
    this.#drop()
    void this.open()
  }

  close() {
    this.#closed = true
    this.#drop()
  }

  /**
   * Send and wait for its answer.
   * @param {Record<string, unknown>} message @returns {Promise<Message>}
   */
  request(message) {
    const id = this.#nextId++
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Refused(0, { code: 'offline' }))
    }
    this.#socket.send(JSON.stringify({ ...message, id }))
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      setTimeout(() => this.#fail(id, { code: 'offline' }), ANSWER_MS)
    })
  }

  /** Send without an answer; lost when there is no connection. @param {Record<string, unknown>} message */
  tell(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  // Internal

  /** @param {Record<string, unknown>} members */
  #hello(members) {
    const resume = this.#inbox.position ?? undefined
    this.request({ t: 'hello', room: this.roomId, ...members, resume }).catch(error => {
      if (error instanceof Refused && error.code === 'offline') this.#socket?.close()
    })
  }

  /** @param {Message | null} message */
  #receive(message) {
    this.#listenForSilence()
    if (!message) return
    if (message.t === 'welcome') this.#welcome(/** @type {any} */ (message))
    else if (message.t === 'batch') {
      for (const body of this.#inbox.batch(/** @type {any} */ (message))) this.listener.body(body)
    } else if (message.t === 'error' && message.id) this.#fail(message.id, message)
    else if (message.t === 'ok' || message.t === 'pong') this.#answer(message)
    else if (message.t === 'bye') this.#bye(message)
    else this.listener.body(message)
  }

  /** @param {Welcome} welcome */
  #welcome(welcome) {
    this.#backoff.reset()
    const rebuilt = this.#inbox.welcome(welcome)
    this.listener.welcome(welcome, rebuilt)
    this.#answer(welcome)
    this.listener.link('up')
    if (rebuilt && this.#inbox.cursor) void this.#refill()
  }

  /** The gap could not be told whole: gifts, which are never lost, are asked of the journal. */
  async #refill() {
    const after = encodeURIComponent(this.#inbox.cursor)
    try {
      const missed = await call('GET', `/api/rooms/${this.roomId}/gifts?after=${after}`)
      this.#inbox.cursor = missed.cursor
      for (const gift of missed.gifts) if (this.#inbox.isNew(gift)) this.listener.body(gift)
    } catch {
      // The next welcome that was not recovered asks again from the same cursor.
    }
  }

  /** @param {Message} message */
  #bye(message) {
    if (!message.resume && message.code !== NOT_AUTHORISED) {
      this.#refuse(Number(message.code), message.reason ?? message.detail ?? '')
    }
  }

  /** @param {Message} message */
  #answer(message) {
    const waiting = this.#waiting.get(message.id ?? 0)
    this.#waiting.delete(message.id ?? 0)
    waiting?.resolve(message)
  }

  /** @param {number} id @param {Record<string, any>} problem */
  #fail(id, problem) {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.reject(new Refused(0, problem))
  }

  /** @param {number} code */
  #lost(code) {
    this.#drop()
    if (this.#closed) return
    const isFinal = code >= RESUMABLE_BELOW && code < 5000 && code !== NOT_AUTHORISED
    if (isFinal) this.#refuse(code, '')
    else this.#again()
  }

  /** @param {unknown} error */
  #credentialsRefused(error) {
    const isFinal = error instanceof Refused && [403, 404, 410].includes(error.status)
    if (isFinal) this.#refuse(error.status, error.message)
    else this.#again()
  }

  /** @param {number} code @param {string} detail */
  #refuse(code, detail) {
    if (this.#closed) return
    this.#closed = true
    this.listener.refused(code, detail)
  }

  #again() {
    this.listener.link('down')
    this.#timer = setTimeout(() => this.open(), this.#backoff.next())
  }

  #drop() {
    clearTimeout(this.#timer)
    clearTimeout(this.#quiet)
    const socket = this.#socket
    this.#socket = null
    socket?.close()
    for (const id of [...this.#waiting.keys()]) this.#fail(id, { code: 'offline' })
  }

  #listenForSilence() {
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => {
      this.request({ t: 'ping' }).catch(() => this.#lost(0))
    }, SILENCE_MS)
  }
}
