import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Backoff } from '../js/wire/backoff.js'
import { decode } from '../js/wire/frames.js'
import { Inbox } from '../js/wire/inbox.js'
import { uuid7 } from '../js/wire/uuid7.js'

/** @param {number} first @param {import('../js/wire/frames.js').Body[]} numbered @param {string} [epoch] */
function aBatch(first, numbered, epoch = 'e') {
  return { t: /** @type {const} */ ('batch'), epoch, first, count: numbered.length, cursor: '', numbered, unnumbered: [] }
}

/** @param {string} id */
function aChat(id) {
  return { t: 'chat', id }
}

test('what was received before a resume is not shown twice', () => {
  const inbox = new Inbox()
  inbox.batch(aBatch(1, [aChat('a'), aChat('b')]))

  const fresh = inbox.batch(aBatch(2, [aChat('b'), aChat('c')]))

  assert.deepEqual(fresh, [aChat('c')])
  assert.deepEqual(inbox.position, { epoch: 'e', offset: 3 })
})

test('a gift told again in a new epoch is known by its id', () => {
  const inbox = new Inbox()
  inbox.batch(aBatch(7, [{ t: 'gift', id: '1-5' }]))

  assert.deepEqual(inbox.batch(aBatch(1, [{ t: 'gift', id: '1-5' }], 'other')), [])
  assert.deepEqual(inbox.position, { epoch: 'other', offset: 1 })
})

test('bodies without an id always pass', () => {
  const inbox = new Inbox()

  assert.equal(inbox.isNew({ t: 'likes', total: 1 }), true)
  assert.equal(inbox.isNew({ t: 'likes', total: 1 }), true)
})

test('waits double up to their longest and start over after success', () => {
  const backoff = new Backoff(() => 1)

  const waits = Array.from({ length: 8 }, () => backoff.next())

  assert.deepEqual(waits.slice(0, 3), [400, 800, 1600])
  assert.equal(waits.at(-1), 15_000)
  backoff.reset()
  assert.equal(backoff.next(), 400)
})

test('jitter never takes more than half of a wait', () => {
  assert.equal(new Backoff(() => 0).next(), 200)
})

for (const garbage of ['', '{', '[]', 'null', '{"t":1}', '7', new ArrayBuffer(2)]) {
  test(`${String(garbage) || 'nothing'} is no message`, () => {
    assert.equal(decode(garbage), null)
  })
}

test('an id has its version, its variant and its time in front', () => {
  const id = uuid7(0x0123456789ab, new Uint8Array(10).fill(0xff))

  assert.equal(id, '01234567-89ab-7fff-bfff-ffffffffffff')
})
