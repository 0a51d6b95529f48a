import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Combo, COMBO_MS } from '../js/gifts/combo.js'
import { GiftLane } from '../js/gifts/gift_lane.js'
import { packFor, priceMinor } from '../js/gifts/prices.js'
import { SceneQueue, sceneMs } from '../js/gifts/scene_queue.js'

const PACKS = [
  { pack_id: 'b', coins: 350, amount_minor: 489, currency: 'EUR' },
  { pack_id: 'a', coins: 70, amount_minor: 99, currency: 'EUR' },
]

/** @param {Partial<import('../js/wire/frames.js').GiftBody>} [given] */
function aGift(given = {}) {
  return {
    t: /** @type {const} */ ('gift'),
    id: '1-1',
    from: { handle: 'ana', display_name: 'Ana' },
    gift_id: 'rose',
    quantity: 1,
    coins: 1,
    tier: 1,
    combo: null,
    at: '2026-01-02T12:00:00Z',
    ...given,
  }
}

test('hits of one streak share a banner that shows the highest count', () => {
  const lane = new GiftLane()

  lane.add(aGift({ id: '1-1', combo: { id: 'c', count: 1 } }), 0)
  lane.add(aGift({ id: '1-3', combo: { id: 'c', count: 3 } }), 10)
  lane.add(aGift({ id: '1-2', combo: { id: 'c', count: 2 } }), 20) // late, and counted already

  assert.deepEqual(lane.visible(20).map(banner => banner.count), [3])
})

test('three banners are drawn and the next takes the place that becomes free', () => {
  const lane = new GiftLane()
  for (const id of ['a', 'b', 'c', 'd']) lane.add(aGift({ id }), 0)

  assert.deepEqual(lane.visible(0).map(banner => banner.gift.id), ['a', 'b', 'c'])
  assert.deepEqual(lane.visible(4000).map(banner => banner.gift.id), ['d'])
})

test('a refused hit is taken back, and a streak of nothing goes', () => {
  const lane = new GiftLane()
  lane.add(aGift({ combo: { id: 'c', count: 1 } }), 0, true)

  lane.takeBack('c', 1)

  assert.deepEqual(lane.visible(0), [])
})

test('hits within the window share an id, later ones do not', () => {
  const combo = new Combo()
  const ids = ['first', 'second']
  const newId = () => String(ids.shift())

  assert.equal(combo.hit('rose', 1, 0, newId), 'first')
  assert.equal(combo.hit('rose', 2, COMBO_MS - 1, newId), 'first')
  assert.equal(combo.count, 3)
  assert.equal(combo.hit('rose', 1, 2 * COMBO_MS, newId), 'second')
})

test('another gift begins another streak', () => {
  const combo = new Combo()
  const ids = ['first', 'second']

  combo.hit('rose', 1, 0, () => String(ids.shift()))

  assert.equal(combo.hit('heart', 1, 1, () => String(ids.shift())), 'second')
  assert.equal(combo.count, 1)
})

test('a money price is the smallest pack\'s rate, rounded up', () => {
  assert.equal(priceMinor(1, PACKS), 2)
  assert.equal(priceMinor(70, PACKS), 99)
  assert.equal(priceMinor(100, PACKS), 142)
})

test('the pack offered is the smallest that covers what is missing', () => {
  assert.equal(packFor(70, PACKS)?.pack_id, 'a')
  assert.equal(packFor(71, PACKS)?.pack_id, 'b')
  assert.equal(packFor(9999, PACKS)?.pack_id, 'b')
})

test('when more than ten seconds wait, small scenes merge and every sum stays right', () => {
  const queue = new SceneQueue()
  for (let number = 0; number < 9; number += 1) {
    const from = { handle: `h${number}`, display_name: `N${number}` }
    queue.add(aGift({ from, gift_id: 'castle', tier: 3, quantity: 1, coins: 1000 + number }))
  }

  assert.ok(queue.waitingMs <= 10_000)
  let coins = 0
  let people = 0
  for (let scene = queue.next(); scene; scene = queue.next()) {
    assert.equal(sceneMs(scene), 3000)
    coins += scene.coins
    people += 1 + scene.others
  }
  assert.equal(coins, 9 * 1000 + 36)
  assert.equal(people, 9)
})
