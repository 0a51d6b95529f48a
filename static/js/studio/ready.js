/** Getting ready: devices with a level, three checks, then the red button. */
import { find, make } from '../dom/element.js'
import { say } from '../facts.js'
import { mark, roundTripMs } from './checks.js'
import { Devices } from './devices.js'
import { LevelMeter } from './level_meter.js'

export class Ready {
  devices = new Devices()
  #meter = new LevelMeter(find('level'), () => mark('microphone', 'good', say('studio.heard')))

  /**
   * @param {(stream: MediaStream) => void} onPicture
   * @param {(track: MediaStreamTrack) => void} onSwitched another camera or microphone was chosen
   */
  constructor(onPicture, onSwitched) {
    this.onPicture = onPicture
    this.onSwitched = onSwitched
    find('start-camera').addEventListener('click', () => void this.#start())
    find('camera').addEventListener('change', () => void this.#switch('video', find('camera').value))
    find('microphone').addEventListener('change', () => void this.#switch('audio', find('microphone').value))
  }

  async open() {
    void this.#checkConnection()
    if (!navigator.mediaDevices) return this.#failed(say('studio.insecure'))
    if (await this.devices.areAllowed()) return this.#start()
    find('start-camera').hidden = false
    for (const name of ['camera', 'microphone']) mark(name, '', '')
  }

  /** Stop moving the meter; the devices stay on. */
  close() {
    this.#meter.stop()
  }

  async #start() {
    find('start-camera').hidden = true
    try {
      const choice = await this.devices.open()
      fill(find('camera'), choice.cameras, this.devices.stream.getVideoTracks()[0])
      fill(find('microphone'), choice.microphones, this.devices.stream.getAudioTracks()[0])
    } catch (error) {
      const isDenied = error instanceof DOMException && error.name === 'NotAllowedError'
      find('start-camera').hidden = false
      return this.#failed(say(isDenied ? 'studio.denied' : 'studio.no_camera'))
    }
    this.#judge()
  }

  #judge() {
    const { stream } = this.devices
    const [hasPicture, hasSound] = [stream.getVideoTracks().length > 0, stream.getAudioTracks().length > 0]
    mark('camera', hasPicture ? 'good' : 'bad', say(hasPicture ? 'studio.ready' : 'studio.no_camera'))
    mark('microphone', hasSound ? '' : 'bad', say(hasSound ? 'studio.speak' : 'studio.no_microphone'))
    this.#meter.listen(stream)
    this.onPicture(stream)
    find('go-live').disabled = !hasPicture
  }

  /** @param {'video' | 'audio'} kind @param {string} deviceId */
  async #switch(kind, deviceId) {
    this.onSwitched(await this.devices.use(kind, deviceId))
    this.#judge()
  }

  /** @param {string} words */
  #failed(words) {
    mark('camera', 'bad', words)
    mark('microphone', 'bad', '')
  }

  async #checkConnection() {
    const tripMs = await roundTripMs()
    if (tripMs === null) mark('connection', 'bad', say('studio.unreachable'))
    else mark('connection', 'good', say('studio.trip', { n: tripMs }))
  }
}

/** @param {HTMLSelectElement} select @param {MediaDeviceInfo[]} devices @param {MediaStreamTrack | undefined} used */
function fill(select, devices, used) {
  const current = used?.getSettings().deviceId
  select.replaceChildren(...devices.map((device, index) => make('option', {
    value: device.deviceId, selected: device.deviceId === current,
  }, device.label || `${index + 1}`)))
  select.disabled = devices.length < 1
}
