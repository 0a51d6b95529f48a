/** Broadcasting from another program: the address, and the key that is shown once. */
import { busy } from '../dom/busy.js'
import { confirmed } from '../dom/confirm.js'
import { find } from '../dom/element.js'
import { say } from '../facts.js'
import { call } from '../wire/api.js'

export async function channelKey() {
  const rotate = find('rotate')
  const channel = await call('GET', '/api/channel')
  let isKnown = Boolean(channel.stream_key_hint)
  const draw = () => {
    find('whip-url').textContent = channel.whip_url
    rotate.textContent = say(isKnown ? 'studio.obs_rotate' : 'studio.obs_make')
  }
  find('channel-key').textContent = isKnown
    ? say('studio.obs_hidden', { hint: channel.stream_key_hint }) : say('studio.obs_none')
  draw()
  rotate.disabled = false
  const make = async () => {
    const made = await call('POST', '/api/channel/key', { body: undefined })
    find('channel-key').textContent = made.channel_key
    find('copy-key').hidden = false
    find('key-note').textContent = say('studio.obs_once')
    isKnown = true
    draw()
  }
  rotate.addEventListener('click', () => {
    if (!isKnown) return busy(rotate, make)
    return confirmed({ title: say('studio.obs_rotate'), why: say('studio.obs_rotate_sure'), yes: say('studio.obs_rotate') }, make)
  })
}
