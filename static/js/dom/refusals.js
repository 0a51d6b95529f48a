/** What to tell a person when something was refused. */
import { facts, say } from '../facts.js'
import { Refused } from '../wire/api.js'

/** Codes with words of our own; every other refusal speaks in the server's words. @type {Record<string, string>} */
const WORDS = {
  offline: 'common.offline',
  internal_error: 'common.broke',
  too_young: 'common.adults_only',
  birth_date_missing: 'common.birth_date_missing',
  suspended: 'common.suspended',
  too_many_requests: 'common.too_fast',
  csrf: 'common.reload',
  handle_taken: 'people.handle_taken',
  wrong_password: 'people.wrong',
  wrong_credentials: 'people.wrong',
  reset_refused: 'people.reset_bad',
  chat_too_fast: 'chat.too_fast',
  muted: 'chat.muted',
}

/** @param {unknown} error */
export function wordsOf(error) {
  if (!(error instanceof Refused)) {
    console.warn(error)
    return say('common.broke')
  }
  const key = WORDS[error.code]
  if (key && facts.words[key]) return say(key, { n: error.fields.retry_after_s ?? 0 })
  return sentence(error)
}

/** @param {Refused} error */
function sentence(error) {
  const { detail, title } = error.fields
  const words = detail && /^[A-Z"“]/.test(detail) ? detail : title || detail
  return words || say('common.broke')
}
