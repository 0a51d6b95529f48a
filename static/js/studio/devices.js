/** Cameras and microphones: asked for once, then chosen among. No DOM. */
const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } }
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }

/** @typedef {{ cameras: MediaDeviceInfo[], microphones: MediaDeviceInfo[] }} Choice */

export class Devices {
  stream = new MediaStream()

  /** Whether the browser would give them without asking. */
  async areAllowed() {
    const asked = await Promise.all(['camera', 'microphone'].map(name => navigator.permissions
      ?.query({ name: /** @type {PermissionName} */ (name) }).catch(() => null)))
    return asked.every(answer => answer?.state === 'granted')
  }

  /** Ask for both; without a camera at least for sound, and the other way round. @returns {Promise<Choice>} */
  async open() {
    const stream = await navigator.mediaDevices.getUserMedia({ video: PICTURE, audio: SOUND })
      .catch(error => this.#oneOf(error))
    for (const track of stream.getTracks()) this.stream.addTrack(track)
    return this.choice()
  }

  /** @returns {Promise<Choice>} */
  async choice() {
    const all = await navigator.mediaDevices.enumerateDevices()
    const of = (/** @type {string} */ kind) => all.filter(one => one.kind === kind && one.deviceId)
    return { cameras: of('videoinput'), microphones: of('audioinput') }
  }

  /** Take another device. @param {'video' | 'audio'} kind @param {string} deviceId */
  async use(kind, deviceId) {
    const wanted = { ...(kind === 'video' ? PICTURE : SOUND), deviceId: { exact: deviceId } }
    const fresh = await navigator.mediaDevices.getUserMedia({ [kind]: wanted })
    const [track] = fresh.getTracks()
    for (const old of this.stream.getTracks().filter(one => one.kind === kind)) {
      old.stop()
      this.stream.removeTrack(old)
    }
    this.stream.addTrack(track)
    return track
  }

  /** @param {DOMException} error */
  async #oneOf(error) {
    if (error.name !== 'NotFoundError') throw error
    return navigator.mediaDevices.getUserMedia({ video: PICTURE })
      .catch(() => navigator.mediaDevices.getUserMedia({ audio: SOUND }))
  }
}
