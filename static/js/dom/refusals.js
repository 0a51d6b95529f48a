/** What to tell a person when something was refused. */
import { facts, say } from '../facts.js'
import { Refused } from '../wire/api.js'

/** Words of our own for the refusal's code, else the server's. @param {unknown} error */
export function wordsOf(error) {
  if (!(error instanceof Refused)) {
    console.warn(error)
    return say('refused.internal_error')
  }
  return refusalWords(error.code, error.fields) ?? error.fields.title ?? error.message
}

/** @param {string} code @param {Record<string, any>} [fields] @returns {string | undefined} */
export function refusalWords(code, fields = {}) {
  const key = `refused.${code}`
  if (!facts.words[key]) return undefined
  return say(key, { n: Math.ceil(fields.retry_after_s ?? 0) })
}
