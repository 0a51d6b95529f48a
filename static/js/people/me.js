/** Who is looking at the page; changes when they log in over the playing video. */
import { facts } from '../facts.js'
import { call, csrf } from '../wire/api.js'

/** @typedef {import('../facts.js').Me} Me */
/** @type {{ current: Me | null }} */
export const me = { current: facts.me }
/** @type {Set<(person: Me) => void>} */
const listeners = new Set()

/** @param {(person: Me) => void} listener called after each log-in */
export function onArrival(listener) {
  listeners.add(listener)
}

/** @param {Record<string, string>} values */
export async function signUp(values) {
  const { handle, password, birth_date, email } = values
  await call('POST', '/api/accounts', { body: { handle, password, birth_date, ...(email && { email }) } })
  await logIn({ handle, password })
}

/** @param {Record<string, string>} values */
export async function logIn({ handle, password }) {
  const session = await call('POST', '/api/sessions', { body: { handle, password } })
  csrf.token = session.csrf_token
  const person = await call('GET', '/api/me')
  csrf.token = person.csrf_token ?? csrf.token
  me.current = { ...person, adult: isAdult(person.birth_date) }
  for (const listener of listeners) listener(/** @type {Me} */ (me.current))
}

export async function logOut() {
  await call('DELETE', '/api/sessions/current')
}

/** Only for what is shown; the server decides. @param {string | null} birthDate @param {Date} [today] */
export function isAdult(birthDate, today = new Date()) {
  if (!birthDate) return false
  const born = new Date(`${birthDate}T00:00:00`)
  return today >= new Date(born.getFullYear() + 18, born.getMonth(), born.getDate())
}
