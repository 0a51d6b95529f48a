/** The log-in page. */
import '../dom/frame.js'
import { onSubmit } from '../dom/busy.js'
import { find } from '../dom/element.js'
import { facts } from '../facts.js'
import { logIn } from '../people/me.js'

onSubmit(find('login'), async values => {
  await logIn(values)
  location.assign(facts.next)
})
