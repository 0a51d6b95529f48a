/** The sign-up page. */
import '../dom/frame.js'
import { onSubmit } from '../dom/busy.js'
import { find } from '../dom/element.js'
import { facts } from '../facts.js'
import { signUp } from '../people/me.js'

onSubmit(find('signup'), async values => {
  await signUp(values)
  location.assign(facts.next)
})
