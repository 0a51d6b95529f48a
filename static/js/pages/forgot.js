/** Asking for a new password. */
import '../dom/frame.js'
import { onSubmit } from '../dom/busy.js'
import { find } from '../dom/element.js'
import { say } from '../facts.js'
import { call } from '../wire/api.js'

const form = find('forgot')
onSubmit(form, async ({ handle_or_email }) => {
  await call('POST', '/api/password-resets', { body: { handle_or_email } })
  const said = form.querySelector('.notice')
  said.hidden = false
  said.textContent = say('people.reset_sent')
})
