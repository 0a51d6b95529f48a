/**
 * One WHIP or WHEP session: offer out, answer in, DELETE at the end. No DOM.
 * Source: RFC 9725. The server is ICE-lite: it learns our address from our checks, so no
 * candidate has to be gathered before asking and none is trickled.
 */
import { Refused } from './api.js'

const LOST_MS = 2500 // "disconnected" this long counts as lost

export class PeerLink {
  connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' })
  #location = ''
  #token = ''
  #closed = false
  #timer = 0

  /** @param {() => void} onLost called once, when the connection cannot be saved */
  constructor(onLost) {
    this.onLost = onLost
    this.connection.onconnectionstatechange = () => this.#changed()
  }

  /**
   * Offer what the connection's transceivers say.
   * @param {string} url @param {string} token
   */
  async open(url, token) {
    this.#token = token
    await this.connection.setLocalDescription()
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...(token && { Authorization: `Bearer ${token}` }) },
      body: this.connection.localDescription?.sdp,
    }).catch(() => { throw new Refused(0, { code: 'offline' }) })
    const text = await response.text()
    if (!response.ok) throw await refusal(response, text)
    this.#location = new URL(response.headers.get('location') ?? url, location.href).href
    if (this.#closed) return this.#delete()
    await this.connection.setRemoteDescription({ type: 'answer', sdp: text })
  }

  /** @param {{ isGone?: boolean }} [why] isGone: the server has dropped it already */
  close({ isGone = false } = {}) {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    // The resource first: closing the connection ends it too, and then there is none to delete.
    void (isGone ? Promise.resolve() : this.#delete()).finally(() => this.connection.close())
  }

  async #delete() {
    if (!this.#location) return
    const headers = this.#token ? { Authorization: `Bearer ${this.#token}` } : undefined
    await fetch(this.#location, { method: 'DELETE', headers, keepalive: true }).catch(() => {})
  }

  #changed() {
    clearTimeout(this.#timer)
    const state = this.connection.connectionState
    if (state === 'failed') this.#lost()
    if (state === 'disconnected') this.#timer = setTimeout(() => this.#lost(), LOST_MS)
  }

  #lost() {
    if (this.#closed) return
    this.close()
    this.onLost()
  }
}

/** @param {Response} response @param {string} text */
async function refusal(response, text) {
  let problem = { code: `http_${response.status}` }
  try {
    problem = JSON.parse(text)
  } catch { /* not a problem document: the status says enough */ }
  const wait = Number(response.headers.get('retry-after') ?? 0)
  return new Refused(response.status, { ...problem, retry_after_s: wait })
}
