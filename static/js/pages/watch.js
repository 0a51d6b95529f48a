/** The watch page: puts picture, socket, chat and gifts together. */
import '../dom/frame.js'
import { ChatList } from '../chat/chat_list.js'
import { Composer } from '../chat/composer.js'
import { copy, find } from '../dom/element.js'
import { toast } from '../dom/toast.js'
import { facts, say } from '../facts.js'
import { Hearts } from '../gifts/hearts.js'
import { followButton } from '../people/follow.js'
import { me, onArrival } from '../people/me.js'
import { showSupporters, showTopThree, showViewers } from '../room/boards.js'
import { GiftShow } from '../room/gift_show.js'
import { followKeyboard, listenForKeys } from '../room/keys.js'
import { OverVideo } from '../room/over_video.js'
import { Picture } from '../room/picture.js'
import { ViewToken } from '../room/view_token.js'
import { call, csrf } from '../wire/api.js'
import { RoomSocket } from '../wire/room_socket.js'

/** @typedef {import('../wire/frames.js').Body} Body */
const BANNED = 4403
const GONE = [4404, 404, 410]

const room = /** @type {import('../facts.js').Room} */ (facts.room)
const view = new ViewToken(room.room_id)
const picture = new Picture(room, view)
const chat = new ChatList(body => void over.aboutPerson(body))
const show = new GiftShow({ lanes: find('lanes'), scene: find('scene'), stage: find('stage'), chat })
const socket = new RoomSocket(room.room_id, credentials, {
  welcome,
  body: heard,
  link: link => picture.link('socket', link === 'up'),
  refused: gone,
})
const over = new OverVideo({ room, socket, show, chat })
const hearts = new Hearts(find('stage'), count => socket.tell({ t: 'like', count: Math.min(count, 50) }))
const composer = new Composer({
  needPerson: () => over.needPerson(say('people.why_chat')),
  onPending: text => chat.pending(text),
  send: message => socket.request(message),
  onSaid: body => chat.say(body),
})
let epoch = ''

async function credentials() {
  return { view_token: await view.get(), ...(me.current && { csrf: csrf.token }) }
}

// What the room says

/** @param {import('../wire/frames.js').Welcome} greeting @param {boolean} rebuilt */
function welcome({ room: now, you, epoch: since }, rebuilt) {
  view.is(you.view_token)
  if (epoch && epoch !== since && room.state === 'live') picture.join() // the server began anew
  epoch = since
  if (rebuilt) chat.reset(now.chat)
  roomIs(now.state, now.title)
  showViewers(now.viewers)
  boards(now.supporters)
  hearts.total(now.likes)
  mayChat(you.can_chat || !me.current)
}

/** @param {Body} body */
function heard(body) {
  const isMe = body.handle !== undefined && body.handle === me.current?.handle
  const hear = /** @type {Record<string, () => void>} */ ({
    gift: () => show.add(/** @type {any} */ (body)),
    chat: () => chat.say(/** @type {any} */ (body)),
    chat_deleted: () => chat.deleted(body.id),
    room: () => roomIs(body.state, body.title, body.reason),
    likes: () => hearts.total(body.total),
    viewers: () => showViewers(body.count),
    supporters: () => boards(body.top),
    joined: () => chat.note(say('chat.joined', { name: body.display_name })),
    muted: () => isMe && mayChat(false),
    unmuted: () => isMe && mayChat(true),
    removed: () => isMe && gone(BANNED, ''),
    notice: () => toast(body.code === 'muted' ? say('chat.muted_you', { reason: body.reason }) : body.reason, 'bad'),
    balance: () => void import('../wallet/purse.js').then(({ purse }) => purse.is(body.coins)),
  })[body.t]
  hear?.()
}

/** @param {import('../wire/frames.js').Supporter[]} top */
function boards(top) {
  showTopThree(top)
  showSupporters(find('supporters'), top)
  showSupporters(find('supporters-over'), top)
}

/** @param {boolean} can */
function mayChat(can) {
  composer.allow(can, say(can ? (me.current ? 'chat.say' : 'chat.log_in') : 'chat.muted'))
}

/** @param {string} state @param {string} title @param {string} [reason] */
function roomIs(state, title, reason) {
  picture.roomIs(state, title, reason)
  if (state === 'ended') close()
}

/** There is no use in coming back. @param {number} code @param {string} reason */
function gone(code, reason) {
  if (room.state === 'ended') return
  if (GONE.includes(code)) picture.ended()
  else picture.removed(reason)
  close()
}

function close() {
  socket.close()
  composer.allow(false, say('gift.closed'))
  find('gift').disabled = true
}

// What the person does

async function share() {
  const url = `${facts.public_url}/rooms/${room.room_id}`
  if (navigator.share) return navigator.share({ title: room.title, url }).catch(() => {})
  await copy(url)
  toast(say('watch.share_done'), 'good')
}

/** @param {string} panel */
function showPanel(panel) {
  find('side').dataset.panel = panel
  for (const name of ['chat', 'supporters']) find(`tab-${name}`).setAttribute('aria-selected', String(name === panel))
}

/** @param {string} id @param {() => unknown} action */
function onClick(id, action) {
  find(id).addEventListener('click', action)
}

function begin() {
  const tray = () => void over.toggleTray()
  const sound = () => picture.stage.toggleSound()
  followButton(document.getElementById('follow'), room.creator.handle, () => over.needPerson(say('people.why_follow')))
  onClick('like', () => hearts.tap())
  find('stage').addEventListener('dblclick', () => hearts.tap())
  onClick('gift', tray)
  onClick('viewers', () => over.sheet('supporters-sheet'))
  onClick('share', share)
  onClick('more-sound', () => { find('more-sheet').close(); sound() })
  onClick('report-room', () => { find('more-sheet').close(); void over.report() })
  for (const button of document.querySelectorAll('[data-more]')) button.addEventListener('click', () => over.sheet('more-sheet'))
  for (const panel of ['chat', 'supporters']) onClick(`tab-${panel}`, () => showPanel(panel))
  listenForKeys({
    c: () => composer.focus(), g: tray, m: sound,
    f: () => picture.stage.toggleFullscreen(), l: () => hearts.tap(),
  })
  followKeyboard()
  onArrival(() => socket.renew())
  if (me.current) void hideBlocked().catch(() => {})
  void socket.open()
  picture.join()
}

async function hideBlocked() {
  const { blocked } = await call('GET', '/api/me/blocks')
  for (const { handle } of blocked) chat.block(handle)
}

if (room.state === 'ended') {
  picture.ended(room.end_reason ?? undefined)
  close()
} else begin()
