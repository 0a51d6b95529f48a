/** Who watches and who gave most. */
import { avatar, find, make } from '../dom/element.js'
import { counted, say, shortened } from '../facts.js'

/** @typedef {import('../wire/frames.js').Supporter} Supporter */

/** @param {number} count */
export function showViewers(count) {
  find('viewer-count').textContent = shortened(count)
  find('viewers').setAttribute('aria-label', say('common.viewers', { n: count }))
}

/** The first three, over the picture. @param {readonly Supporter[]} top */
export function showTopThree(top) {
  find('top-three').replaceChildren(...top.slice(0, 3).map(person => make('li', {},
    avatar(person, 'tiny'),
    make('span', { class: 'who' }, person.display_name),
    make('span', { class: 'coins' }, shortened(person.coins)))))
}

/** The whole board. @param {HTMLElement} place @param {readonly Supporter[]} top */
export function showSupporters(place, top) {
  if (!top.length) {
    place.replaceChildren(make('li', { class: 'soft' }, say('watch.no_top')))
    return
  }
  place.replaceChildren(...top.map((person, index) => make('li', {},
    make('span', { class: 'place numbers' }, String(index + 1)),
    avatar(person),
    make('span', { class: 'who' }, person.display_name),
    make('span', { class: 'coins' }, counted(person.coins)))))
}
