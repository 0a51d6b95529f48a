/** The follow button, on watch and channel. */
import { onPress } from '../dom/busy.js'
import { say } from '../facts.js'
import { call } from '../wire/api.js'

/**
 * @param {HTMLElement | null} button @param {string} handle
 * @param {() => Promise<boolean>} needPerson
 * @param {(followers: number) => void} [onCount]
 */
export function followButton(button, handle, needPerson, onCount = () => {}) {
  if (!button) return
  onPress(button, async () => {
    if (!(await needPerson())) return
    const wanted = button.getAttribute('aria-pressed') !== 'true'
    const answer = await call(wanted ? 'PUT' : 'DELETE', `/api/accounts/${handle}/follow`)
    button.setAttribute('aria-pressed', String(wanted))
    button.classList.toggle('quiet', wanted)
    button.textContent = say(wanted ? 'common.following' : 'common.follow')
    if (typeof answer?.followers === 'number') onCount(answer.followers)
  })
}
