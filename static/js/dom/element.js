/** Making and finding elements; text only ever becomes text. */
import { staticUrl } from '../facts.js'

const SVG = 'http://www.w3.org/2000/svg'

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [traits] attributes; `on…` are listeners, null and false leave out
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, traits = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(traits)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value)
  }
  element.append(...children.filter(child => child !== null))
  return element
}

/** The element of this id; the template promises it. @param {string} id @returns {any} */
export function find(id) {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no #${id}`)
  return element
}

/** @param {string} name of a symbol in the sprite */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `${staticUrl('art/icons.svg')}#${name}`)
  svg.append(use)
  return svg
}

/** @param {string} name @param {string} label @param {() => void} onclick */
export function iconButton(name, label, onclick) {
  return make('button', { class: 'icon-button', type: 'button', 'aria-label': label, title: label, onclick }, icon(name))
}

/** The round first letter of somebody. @param {{ handle: string, display_name: string }} person @param {string} [size] */
export function avatar(person, size = '') {
  const letter = [...(person.display_name || person.handle)][0] ?? '?'
  return make('span', { class: `avatar ${size} ${hue(person.handle)}`, 'aria-hidden': 'true' }, letter)
}

/** The colour that goes with `handle`, as the templates choose it. @param {string} handle */
export function hue(handle) {
  const sum = new TextEncoder().encode(handle).reduce((total, byte) => total + byte, 0)
  return `hue-${sum % 8}`
}

/** Whether the person asked for less movement. */
export function isCalm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches
}

/** Copy text and say so on the button. @param {string} text */
export async function copy(text) {
  await navigator.clipboard.writeText(text).catch(() => {
    const field = make('textarea', { readonly: true, class: 'for-readers' }, text)
    document.body.append(field)
    field.select()
    document.execCommand('copy')
    field.remove()
  })
}
