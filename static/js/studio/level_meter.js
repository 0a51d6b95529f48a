/** How loud the microphone is, as a meter that moves with the voice. */
const LOOK_MS = 66
const HEARD = 0.04 // of full scale; quieter is taken for silence

export class LevelMeter {
  #timer = 0
  /** @type {AudioContext | null} */
  #audio = null

  /** @param {HTMLMeterElement} meter @param {() => void} onHeard called once per microphone */
  constructor(meter, onHeard) {
    this.meter = meter
    this.onHeard = onHeard
  }

  /** @param {MediaStream} stream */
  listen(stream) {
    this.stop()
    if (!stream.getAudioTracks().length) return
    const audio = new AudioContext()
    const analyser = audio.createAnalyser()
    analyser.fftSize = 1024
    audio.createMediaStreamSource(stream).connect(analyser)
    this.#audio = audio
    const samples = new Float32Array(analyser.fftSize)
    let isHeard = false
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples)
      const level = loudness(samples)
      this.meter.value = level
      if (!isHeard && level > HEARD) {
        isHeard = true
        this.onHeard()
      }
    }, LOOK_MS)
  }

  stop() {
    clearInterval(this.#timer)
    void this.#audio?.close()
    this.#audio = null
  }
}

/** Root mean square, stretched so that speech fills the meter. @param {Float32Array} samples */
export function loudness(samples) {
  const mean = samples.reduce((total, sample) => total + sample * sample, 0) / samples.length
  return Math.min(1, Math.sqrt(mean) * 3)
}
