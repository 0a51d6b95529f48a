/** What the server says about this page, from its one JSON script; and every word it shows. */

/**
 * @typedef {{ handle: string, display_name: string, adult: boolean, birth_date: string | null,
 *   roles: string[], coins: number }} Me
 * @typedef {{ gift_id: string, name: string, coins: number, tier: number, art: string }} Gift
 * @typedef {{ pack_id: string, coins: number, amount_minor: number, currency: string }} Pack
 * @typedef {{ handle: string, display_name: string }} Name
 * @typedef {{ room_id: string, title: string, state: string, creator: Name, viewers: number,
 *   tags: string[], following: boolean, mine: boolean,
 *   end_reason?: string | null }} Room
 * @typedef {{ page: string, build: string, words: Record<string, string>, csrf: string,
 *   me: Me | null, sandbox: boolean, gifts: Gift[], packs: Pack[], room: Room | null,
 *   public_url: string, stripe_script: string | null, [more: string]: any }} Facts
 */

/** @type {Facts} */
export const facts = readFacts()

/** @returns {Facts} */
function readFacts() {
  const script = globalThis.document?.getElementById('facts')
  return JSON.parse(script?.textContent ?? '{"words": {}, "gifts": [], "packs": []}')
}

/**
 * The words of `key` with its {fields} filled in. With a field `n` that is 1, `key.one` wins.
 * @param {string} key @param {Record<string, string | number>} [fields]
 */
export function say(key, fields = {}) {
  const single = fields.n === 1 ? facts.words[`${key}.one`] : undefined
  const words = single ?? facts.words[key] ?? key
  return words.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = fields[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? counted(value) : value
  })
}

/** @param {number} count */
export function counted(count) {
  return count.toLocaleString('en')
}

/** 1234 → "1.2k". @param {number} count */
export function shortened(count) {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
    .format(count).toLowerCase()
}

/** @param {number} amountMinor @param {string} currency ISO code */
export function money(amountMinor, currency) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency })
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2
  return format.format(amountMinor / 10 ** digits)
}

/** Where a file below the static folder is. @param {string} path */
export function staticUrl(path) {
  return `/static/${facts.build}/${path}`
}
