/**
 * Sends a camera and a microphone by WHIP, H.264 first, and comes back by itself. No DOM.
 * Bitrates are bits per second.
 */
import { Refused } from './api.js'
import { Backoff } from './backoff.js'
import { PeerLink } from './peer_link.js'

const VIDEO_BPS_MAX = 2_500_000
const CODECS_BY_TASTE = ['video/H264', 'video/VP8', 'video/VP9', 'video/AV1']

/** @typedef {(state: 'joining' | 'live' | 'lost' | 'refused', code: string) => void} OnState */

export class Broadcasting {
  #backoff = new Backoff()
  /** @type {PeerLink | null} */
  #link = null
  #closed = false
  #timer = 0

  /** @param {string} roomId @param {string} streamKey @param {MediaStream} stream @param {OnState} onState */
  constructor(roomId, streamKey, stream, onState) {
    this.roomId = roomId
    this.streamKey = streamKey
    this.stream = stream
    this.onState = onState
  }

  async start() {
    if (this.#closed) return
    const link = new PeerLink(() => this.#lost(link))
    this.#link = link
    this.onState('joining', '')
    for (const track of this.stream.getTracks()) {
      const transceiver = link.connection.addTransceiver(track, {
        direction: 'sendonly',
        streams: [this.stream],
        sendEncodings: track.kind === 'video' ? [{ maxBitrate: VIDEO_BPS_MAX }] : undefined,
      })
      if (track.kind === 'video') preferH264(transceiver)
    }
    try {
      await link.open(`/whip/${this.roomId}`, this.streamKey)
      this.#backoff.reset()
      this.onState('live', '')
    } catch (error) {
      link.close()
      this.#refused(error)
    }
  }

  /** Change camera or microphone while live. @param {MediaStreamTrack} track */
  async replace(track) {
    const sender = this.connection?.getSenders().find(one => one.track?.kind === track.kind)
    await sender?.replaceTrack(track)
  }

  /** @param {{ isGone?: boolean }} [why] isGone: the server has ended it */
  stop(why) {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#link?.close(why)
    this.#link = null
  }

  get connection() {
    return this.#link?.connection ?? null
  }

  // Internal

  /** @param {PeerLink} link */
  #lost(link) {
    if (this.#link === link) this.#again('lost')
  }

  /** @param {unknown} error */
  #refused(error) {
    if (!(error instanceof Refused)) throw error
    if ([401, 403, 404, 410, 415, 422].includes(error.status)) return this.onState('refused', error.code)
    this.#again(error.code)
  }

  /** @param {string} code */
  #again(code) {
    this.#link = null
    if (this.#closed) return
    this.onState('lost', code)
    this.#timer = setTimeout(() => this.start(), this.#backoff.next())
  }
}

/** @param {RTCRtpTransceiver} transceiver */
function preferH264(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? []
  const place = (/** @type {string} */ mime) => {
    const index = CODECS_BY_TASTE.indexOf(mime)
    return index < 0 ? CODECS_BY_TASTE.length : index
  }
  if (codecs.length) {
    transceiver.setCodecPreferences([...codecs].sort((a, b) => place(a.mimeType) - place(b.mimeType)))
  }
}
