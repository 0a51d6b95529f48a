/** The line under one's picture: how well it gets out. */
import { find, make } from '../dom/element.js'
import { say } from '../facts.js'
import { call } from '../wire/api.js'
import { SenderHealth } from '../wire/sender_health.js'

const LOOK_MS = 1000
const ASK_MS = 3000
const KEYFRAMES_APART_S_MAX = 4
const GRADES = { good: 'studio.healthy', warn: 'studio.poor', bad: 'studio.bad' }

/** @typedef {[string, string]} Reading words and value */

export class HealthLine {
  #timer = 0

  /** Watch a broadcast from this page. @param {() => RTCPeerConnection | null} connection */
  watch(connection) {
    const sender = new SenderHealth()
    this.#every(LOOK_MS, async () => {
      const report = await connection()?.getStats()
      const health = report && sender.read(/** @type {any} */ (report))
      if (!health) return
      this.#draw(health.grade, [
        [say('studio.rate'), rate(health.bps)],
        [say('studio.loss'), percent(health.lossRatio)],
        [say('studio.round_trip'), health.roundTripMs === null ? '–' : `${Math.round(health.roundTripMs)} ms`],
        [say('studio.frames'), `${Math.round(health.fps)}/s ${health.codec}`],
      ])
    })
  }

  /** Watch a broadcast from another program, as the server sees it. @param {string} roomId */
  ask(roomId) {
    this.#every(ASK_MS, async () => {
      const health = await call('GET', `/api/rooms/${roomId}/health`).catch(() => null)
      if (!health?.is_live) return this.#draw('warn', [[say('studio.waiting'), '']])
      const apart = health.keyframe_interval_s ?? 0
      const advice = health.has_b_frames ? say('studio.b_frames')
        : apart > KEYFRAMES_APART_S_MAX ? say('studio.keyframes') : ''
      this.#draw(advice || health.lost_ratio > 0.03 ? 'warn' : 'good', [
        [say('studio.rate'), rate(health.bitrate_bps)],
        [say('studio.loss'), percent(health.lost_ratio)],
        [say('studio.frames'), `${Math.round(health.frames_per_s)}/s`],
      ], advice)
    })
  }

  stop() {
    clearInterval(this.#timer)
    find('health').hidden = true
  }

  /** @param {number} ms @param {() => Promise<void>} look */
  #every(ms, look) {
    this.stop()
    const now = () => look().catch(() => {})
    void now()
    this.#timer = setInterval(now, ms)
  }

  /** @param {'good' | 'warn' | 'bad'} grade @param {Reading[]} readings @param {string} [advice] */
  #draw(grade, readings, advice) {
    find('health').hidden = false
    find('health').replaceChildren(
      make('span', { class: grade }, say(GRADES[grade])),
      ...readings.map(([name, value]) => make('span', {}, `${name} `, make('b', {}, value))),
      ...(advice ? [make('span', { class: 'notice warn' }, advice)] : []))
  }
}

/** @param {number} bps bits per second */
function rate(bps) {
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`
}

/** @param {number} ratio */
function percent(ratio) {
  return `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`
}
