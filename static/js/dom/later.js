/** Parts that are not in a page's first view: fetched when first wanted. */
import { make } from './element.js'
import { staticUrl } from '../facts.js'

/** @type {Map<string, Promise<void>>} */
const styles = new Map()

/**
 * A function that loads a part once, with its style sheets, and gives it every time.
 * @template T
 * @param {() => Promise<T>} load @param {readonly string[]} [sheets] names of style sheets
 * @returns {() => Promise<T>}
 */
export function later(load, sheets = []) {
  /** @type {Promise<T> | null} */
  let loading = null
  return () => {
    loading ??= Promise.all([load(), ...sheets.map(style)]).then(([part]) => part)
    loading.catch(() => { loading = null }) // a second try fetches it anew
    return loading
  }
}

/** @param {string} name */
function style(name) {
  const known = styles.get(name)
  if (known) return known
  /** @type {Promise<void>} */
  const loading = new Promise(resolve => document.head.append(make('link', {
    rel: 'stylesheet', href: staticUrl(`css/${name}.css`), onload: () => resolve(), onerror: () => resolve(),
  })))
  styles.set(name, loading)
  return loading
}
