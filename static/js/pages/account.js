/** The account page: profile, password, sessions, blocked people, leaving. */
import '../dom/frame.js'
import { onPress, onSubmit } from '../dom/busy.js'
import { confirmed } from '../dom/confirm.js'
import { find, make } from '../dom/element.js'
import { toast } from '../dom/toast.js'
import { say } from '../facts.js'
import { logOut } from '../people/me.js'
import { call } from '../wire/api.js'

onPress(find('log-out'), async () => {
  await logOut()
  location.assign('/')
})
onSubmit(find('profile'), async ({ display_name, email }) => {
  await call('PATCH', '/api/me', { body: { display_name, email: email || null } })
  toast(say('common.saved'), 'good')
})
const birth = /** @type {HTMLFormElement | null} */ (document.getElementById('birth'))
if (birth) {
  onSubmit(birth, async ({ birth_date }) => {
    await call('PUT', '/api/me/birth-date', { body: { birth_date } })
    location.reload()
  })
}
onSubmit(find('password'), async values => {
  await call('POST', '/api/me/password', { body: { old: values.old, new: values.new } })
  find('password').reset()
  toast(say('account.password_changed'), 'good')
  await showSessions()
})
find('close-account').addEventListener('click', async () => {
  const password = make('input', { class: 'input', type: 'password', autocomplete: 'current-password' })
  const extra = make('label', { class: 'field' }, make('span', {}, say('account.close_password')), password)
  const isClosed = await confirmed({
    title: say('account.close'), why: say('account.close_why'), yes: say('account.close_sure'), extra,
  }, () => call('POST', '/api/me/close', { body: { password: password.value } }))
  if (isClosed) location.assign('/')
})

async function showSessions() {
  const { sessions } = await call('GET', '/api/me/sessions')
  find('sessions').replaceChildren(...sessions.map((/** @type {any} */ session) => {
    const seen = new Date(session.seen_at).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })
    const end = make('button', { class: 'button quiet small', type: 'button' }, say('account.end_session'))
    onPress(end, async () => {
      await call('DELETE', `/api/me/sessions/${session.session_id}`)
      await showSessions()
    })
    return make('li', {},
      make('span', { class: 'grow' }, deviceName(session.device), make('small', {}, say('account.seen', { at: seen }))),
      session.current ? make('span', { class: 'chip good' }, say('account.this_one')) : end)
  }))
}

async function showBlocks() {
  const { blocked } = await call('GET', '/api/me/blocks')
  if (!blocked.length) return find('blocks').replaceChildren(make('li', { class: 'soft' }, say('account.no_blocked')))
  find('blocks').replaceChildren(...blocked.map((/** @type {any} */ person) => {
    const end = make('button', { class: 'button quiet small', type: 'button' }, say('account.unblock'))
    onPress(end, async () => {
      await call('DELETE', `/api/accounts/${person.handle}/block`)
      await showBlocks()
    })
    return make('li', {}, make('span', { class: 'grow' }, `@${person.handle}`), end)
  }))
}

/** "Chrome on Linux" out of a user agent. @param {string} agent */
function deviceName(agent) {
  const browser = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'].find(name => agent.includes(name))
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'Linux'].find(name => agent.includes(name))
  if (!browser) return agent.slice(0, 40) || '?'
  return system ? `${browser.replace('Edg', 'Edge')} · ${system}` : browser
}

const mine = await call('GET', '/api/me')
find('profile').elements.email.value = mine.email ?? ''
find('profile').elements.display_name.value = mine.display_name
await Promise.all([showSessions(), showBlocks()])
