import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isAdult } from '../js/people/me.js'
import { loudness } from '../js/studio/level_meter.js'
import { clock } from '../js/studio/own_picture.js'
import { points } from '../js/studio/tiles.js'
import { SenderHealth } from '../js/wire/sender_health.js'

test('somebody is adult from their eighteenth birthday on', () => {
  assert.equal(isAdult('2008-05-17', new Date(2026, 4, 16, 23, 59)), false)
  assert.equal(isAdult('2008-05-17', new Date(2026, 4, 17)), true)
  assert.equal(isAdult(null), false)
})

test('a clock reads as people read it', () => {
  assert.deepEqual([0, 59_999, 60_000, 3_725_000].map(clock), ['0:00', '0:59', '1:00', '1:02:05'])
})

test('silence is nothing and a full tone fills the meter', () => {
  assert.equal(loudness(new Float32Array(8)), 0)
  assert.equal(loudness(new Float32Array(8).fill(1)), 1)
})

test('a line of points stays in its box', () => {
  assert.equal(points([0, 10], 100, 40), '0.0,38.0 100.0,2.0')
  assert.equal(points([0], 100, 40), '0.0,38.0')
})

test('a broadcast’s health is the difference of two looks', () => {
  const look = (timestamp, bytesSent, framesEncoded, packetsLost) => new Map([
    ['video', { type: 'outbound-rtp', kind: 'video', timestamp, bytesSent, packetsSent: timestamp, framesEncoded, codecId: 'codec' }],
    ['remote', { type: 'remote-inbound-rtp', packetsLost, roundTripTime: 0.02 }],
    ['codec', { mimeType: 'video/H264' }],
  ])
  const health = new SenderHealth()

  assert.equal(health.read(look(1000, 0, 0, 0)), null)
  assert.deepEqual(health.read(look(2000, 250_000, 30, 0)), {
    bps: 2_000_000, lossRatio: 0, roundTripMs: 20, fps: 30, codec: 'H264', grade: 'good',
  })
  assert.equal(health.read(look(3000, 500_000, 60, 200))?.grade, 'bad')
  assert.equal(health.read(look(4000, 500_100, 60, 200))?.grade, 'bad')
})
