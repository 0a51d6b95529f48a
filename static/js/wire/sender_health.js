/**
 * How well a broadcast leaves this machine, from two looks at its statistics. No DOM.
 * Units: bits per second, ms, ratio 0 to 1, frames per second.
 * @typedef {{ atMs: number, bytes: number, packets: number, lost: number, frames: number }} Look
 * @typedef {{ bps: number, lossRatio: number, roundTripMs: number | null, fps: number,
 *   codec: string, grade: 'good' | 'warn' | 'bad' }} Health
 */

export class SenderHealth {
  /** @type {Look | null} */
  #before = null

  /** @param {Map<string, any>} report as from RTCPeerConnection.getStats() @returns {Health | null} */
  read(report) {
    const all = [...report.values()]
    const out = all.filter(one => one.type === 'outbound-rtp')
    const video = out.find(one => one.kind === 'video')
    if (!video) return null
    const remote = all.filter(one => one.type === 'remote-inbound-rtp')
    const pair = all.find(one => one.type === 'candidate-pair' && one.nominated && one.currentRoundTripTime)
    const now = {
      atMs: video.timestamp,
      bytes: sum(out, 'bytesSent'),
      packets: sum(out, 'packetsSent'),
      lost: sum(remote, 'packetsLost'),
      frames: video.framesEncoded ?? 0,
    }
    const before = this.#before
    this.#before = now
    if (!before || now.atMs <= before.atMs) return null
    const trip = pair?.currentRoundTripTime ?? remote[0]?.roundTripTime
    return graded(before, now, trip === undefined ? null : trip * 1000,
      report.get(video.codecId)?.mimeType?.split('/')[1] ?? '')
  }
}

/** @param {Look} before @param {Look} now @param {number | null} roundTripMs @param {string} codec */
function graded(before, now, roundTripMs, codec) {
  const seconds = (now.atMs - before.atMs) / 1000
  const bps = (now.bytes - before.bytes) * 8 / seconds
  const sent = now.packets - before.packets
  const lossRatio = sent > 0 ? Math.max(0, now.lost - before.lost) / sent : 0
  const fps = (now.frames - before.frames) / seconds
  const isBad = bps < 20_000 || lossRatio > 0.1 || fps < 3
  const isPoor = lossRatio > 0.03 || (roundTripMs ?? 0) > 400 || fps < 15
  /** @type {'good' | 'warn' | 'bad'} */
  const grade = isBad ? 'bad' : isPoor ? 'warn' : 'good'
  return { bps, lossRatio, roundTripMs, fps, codec, grade }
}

/** @param {any[]} all @param {string} member */
function sum(all, member) {
  return all.reduce((total, one) => total + (one[member] ?? 0), 0)
}
