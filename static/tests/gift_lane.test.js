import assert from 'node:assert/strict'
import { test } from 'node:test'

import { GiftLane } from '../js/gifts/gift_lane.js'

const gift = (id, changes = {}) => ({
  t: 'gift', id, from: { handle: 'ana', display_name: 'Ana' }, gift_id: 'rose',
  quantity: 1, coins: 1, tier: 1, combo: null, at: '', ...changes,
})
const hit = (id, count) => gift(id, { combo: { id: 'streak', count } })
const keys = banners => banners.map(banner => banner.key)

test('a banner stays four seconds', () => {
  const lane = new GiftLane()
  lane.add(gift('1'), 0)

  assert.equal(lane.visible(0).length, 1)
  assert.equal(lane.visible(3999).length, 1)
  assert.equal(lane.visible(4000).length, 0)
})

test('hits of a streak add up on one banner and keep it up', () => {
  const lane = new GiftLane()
  lane.add(hit('1', 1), 0)
  lane.visible(0)
  lane.add(hit('2', 2), 3000)

  const [banner] = lane.visible(3000)

  assert.equal(banner.count, 2)
  assert.equal(lane.visible(6999).length, 1)
})

test('one’s own hit is pending until the server says so', () => {
  const lane = new GiftLane()
  lane.add(hit('mine', 1), 0, true)
  assert.equal(lane.visible(0)[0].pending, true)

  lane.add(hit('posting', 1), 50)

  assert.equal(lane.visible(50)[0].pending, false)
  assert.equal(lane.visible(50)[0].count, 1)
})

test('a flood drops the cheapest that wait, never what is shown', () => {
  const lane = new GiftLane()
  lane.add(gift('first'), 0)
  lane.visible(0)
  lane.add(gift('dear', { coins: 999 }), 0)
  for (let index = 0; index < 200; index += 1) lane.add(gift(`cheap ${index}`), 0)

  const shown = keys(lane.visible(0))

  assert.deepEqual(shown.slice(0, 2), ['gift first', 'gift dear'])
})
