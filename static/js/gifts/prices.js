/** What gifts cost in money, and which pack covers what is missing. No DOM. */

/** @typedef {import('../facts.js').Pack} Pack */

/**
 * The price of `coins` at the smallest pack's rate, tax included, rounded up; the dearest rate
 * there is, so nobody pays more than they were told.
 * @param {number} coins @param {readonly Pack[]} packs
 */
export function priceMinor(coins, packs) {
  const smallest = bySize(packs)[0]
  return smallest ? Math.ceil(coins * smallest.amount_minor / smallest.coins) : 0
}

/** The smallest pack of at least `coins`, else the biggest. @param {number} coins @param {readonly Pack[]} packs */
export function packFor(coins, packs) {
  const sorted = bySize(packs)
  return sorted.find(pack => pack.coins >= coins) ?? sorted.at(-1) ?? null
}

/** @param {readonly Pack[]} packs */
function bySize(packs) {
  return [...packs].sort((a, b) => a.coins - b.coins)
}
