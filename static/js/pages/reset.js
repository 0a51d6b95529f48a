/** Setting a new password by the link that was sent. */
import '../dom/frame.js'
import { onSubmit } from '../dom/busy.js'
import { find } from '../dom/element.js'
import { facts, say } from '../facts.js'
import { call } from '../wire/api.js'

const form = find('reset')
onSubmit(form, async ({ password }) => {
  await call('POST', `/api/password-resets/${encodeURIComponent(facts.token)}`, { body: { password } })
  const said = form.querySelector('.notice')
  said.hidden = false
  said.textContent = say('people.reset_done')
  form.querySelector('[type="submit"]').hidden = true
})
