/** The watch page: puts stage, socket, chat and gifts together. */
import '../dom/frame.js'
import { ChatList } from '../chat/chat_list.js'
import { Composer } from '../chat/composer.js'
import { PersonSheet } from '../chat/person_sheet.js'
import { copy, find, make } from '../dom/element.js'
import { Sheet } from '../dom/sheet.js'
import { toast } from '../dom/toast.js'
import { facts, say } from '../facts.js'
import { Hearts } from '../gifts/hearts.js'
import { Tray } from '../gifts/tray.js'
import { EntrySheet } from '../people/entry_sheet.js'
import { followButton } from '../people/follow.js'
import { me, onArrival } from '../people/me.js'
import { ReportSheet } from '../people/report_sheet.js'
import { showSupporters, showTopThree, showViewers } from '../room/boards.js'
import { sendGift } from '../room/gift_sender.js'
import { GiftShow } from '../room/gift_show.js'
import { followKeyboard, listenForKeys } from '../room/keys.js'
import { Stage } from '../room/stage.js'
import { ViewToken } from '../room/view_token.js'
import { PackSheet } from '../wallet/pack_sheet.js'
import { purse } from '../wallet/purse.js'
import { call, csrf } from '../wire/api.js'
import { RoomSocket } from '../wire/room_socket.js'
import { Watching } from '../wire/watching.js'

/** @typedef {import('../wire/frames.js').Body} Body */
const room = /** @type {import('../facts.js').Room} */ (facts.room)
const stage = new Stage()
const view = new ViewToken(room.room_id)
const entry = new EntrySheet()
const packs = new PackSheet()
const reports = new ReportSheet()
const people = new PersonSheet({
  roomId: room.room_id,
  mayModerate: room.mine || (me.current?.roles ?? []).some(role => ['moderator', 'admin'].includes(role)),
  report: subject => reports.open({ room_id: room.room_id, ...subject }),
  onBlocked: handle => chat.block(handle),
})
const chat = new ChatList(body => people.open(body))
const show = new GiftShow({ lanes: find('lanes'), scene: find('scene'), stage: find('stage'), chat })

const watching = new Watching(room.room_id, () => view.get(), {
  stream: stream => void stage.play(stream),
  state: (state, code) => pictureState(state, code),
})
const socket = new RoomSocket(room.room_id, credentials, {
  welcome,
  body: heard,
  link: link => stage.link(link === 'down' ? say('watch.reconnecting') : ''),
  refused: gone,
})
const hearts = new Hearts(find('stage'), count => socket.tell({ t: 'like', count: Math.min(count, 50) }))
const composer = new Composer({
  needPerson: () => entry.need(say('people.why_chat')),
  onPending: text => chat.pending(text),
  send: message => socket.request(message),
  onSaid: body => chat.say(body),
})
const tray = new Tray({
  send: order => sendGift(socket, order),
  onPending: (order, gift) => show.pending(order, gift),
  onRefused: order => show.takenBack(order),
  needPerson: why => entry.need(why),
  buy: missing => packs.open(missing),
})
const supporters = new Sheet(find('supporters-sheet'))
const more = new Sheet(find('more-sheet'))
/** @type {string} */
let epoch = ''

async function credentials() {
  return { view_token: await view.get(), ...(me.current && { csrf: csrf.token }) }
}

// What the room says

/** @param {import('../wire/frames.js').Welcome} greeting @param {boolean} rebuilt */
function welcome({ room: now, you, epoch: since }, rebuilt) {
  view.is(you.view_token)
  if (epoch && epoch !== since && room.state === 'live') void watching.join() // the server began anew
  epoch = since
  if (rebuilt) chat.reset(now.chat)
  roomIs(now.state, now.title)
  showViewers(now.viewers)
  boards(now.supporters)
  hearts.total(now.likes)
  composer.allow(you.can_chat || !me.current, you.muted ? say('chat.muted') : say(me.current ? 'chat.say' : 'chat.log_in'))
}

/** @param {Body} body */
function heard(body) {
  const hear = /** @type {Record<string, () => void>} */ ({
    gift: () => show.add(/** @type {any} */ (body)),
    chat: () => chat.say(/** @type {any} */ (body)),
    chat_deleted: () => chat.deleted(body.id),
    room: () => roomIs(body.state, body.title, body.reason),
    likes: () => hearts.total(body.total),
    viewers: () => showViewers(body.count),
    supporters: () => boards(body.top),
    joined: () => chat.note(say('chat.joined', { name: body.display_name })),
    muted: () => body.handle === me.current?.handle && composer.allow(false, say('chat.muted')),
    unmuted: () => body.handle === me.current?.handle && composer.allow(true, say('chat.say')),
    removed: () => body.handle === me.current?.handle && gone(4403, ''),
    notice: () => toast(noticeWords(body), 'bad'),
    balance: () => purse.is(body.coins),
  })[body.t]
  hear?.()
}

/** @param {Body} body */
function noticeWords(body) {
  return body.code === 'muted' ? say('chat.muted_you', { reason: body.reason }) : body.reason
}

/** @param {import('../wire/frames.js').Supporter[]} top */
function boards(top) {
  showTopThree(top)
  showSupporters(find('supporters'), top)
  showSupporters(find('supporters-over'), top)
}

/** @param {string} state @param {string} title @param {string} [reason] */
function roomIs(state, title, reason) {
  find('room-title').textContent = title
  find('live-chip').hidden = state !== 'live'
  if (state === 'ended') return ended(reason)
  if (state === 'live' && room.state !== 'live') watching.nudge()
  if (state === 'open' && room.state === 'live') waiting()
  room.state = state
}

// The picture

/** @param {string} state @param {string} code */
function pictureState(state, code) {
  stage.link(state === 'lost' ? say('watch.reconnecting') : '')
  if (state === 'waiting') waiting()
  if (state === 'refused' && code !== 'room_ended') view.forget()
}

function waiting() {
  const name = room.creator.display_name
  if (room.state === 'open') stage.say(say('watch.not_yet'), say('watch.not_yet_why', { name }))
  else stage.say(say('watch.waiting', { name }), say('watch.waiting_why'))
}

/** @param {string} [reason] */
function ended(reason) {
  room.state = 'ended'
  leave()
  stage.say(say('watch.ended'), reason || say('watch.ended_why'), make('a', { class: 'button', href: '/' }, say('watch.more_live')))
}

/** There is no use in coming back. @param {number} code @param {string} reason */
function gone(code, reason) {
  if (room.state === 'ended') return
  if (code === 4404 || code === 404 || code === 410) return ended()
  leave()
  const why = reason ? say('watch.removed_why', { reason }) : ''
  stage.say(say('watch.removed'), why, make('a', { class: 'button', href: '/' }, say('watch.more_live')))
}

function leave() {
  watching.close({ isGone: true })
  socket.close()
  stage.stop()
  stage.link('')
  composer.allow(false, say('gift.closed'))
  find('gift').disabled = true
}

// What the person does

function share() {
  const url = `${facts.public_url}/rooms/${room.room_id}`
  if (navigator.share) return navigator.share({ title: room.title, url }).catch(() => {})
  return copy(url).then(() => toast(say('watch.share_done'), 'good'))
}

/** @param {string} panel */
function showPanel(panel) {
  find('side').dataset.panel = panel
  for (const name of ['chat', 'supporters']) find(`tab-${name}`).setAttribute('aria-selected', String(name === panel))
}

function begin() {
  followButton(document.getElementById('follow'), room.creator.handle, () => entry.need(say('people.why_follow')))
  find('like').addEventListener('click', () => hearts.tap())
  find('stage').addEventListener('dblclick', () => hearts.tap())
  find('gift').addEventListener('click', () => tray.toggle())
  find('viewers').addEventListener('click', () => supporters.open())
  find('share').addEventListener('click', share)
  find('more-sound').addEventListener('click', () => { more.close(); stage.toggleSound() })
  find('report-room').addEventListener('click', () => { more.close(); reports.open({ room_id: room.room_id }) })
  for (const button of document.querySelectorAll('[data-more]')) button.addEventListener('click', () => more.open())
  for (const panel of ['chat', 'supporters']) find(`tab-${panel}`).addEventListener('click', () => showPanel(panel))
  listenForKeys({
    c: () => composer.focus(), g: () => tray.toggle(), m: () => stage.toggleSound(),
    f: () => stage.toggleFullscreen(), l: () => hearts.tap(),
  })
  followKeyboard()
  onArrival(() => socket.renew())
  addEventListener('pagehide', () => watching.leave())
  addEventListener('pageshow', event => event.persisted && watching.nudge())
  void purse.refresh().catch(() => {})
  if (me.current) void call('GET', '/api/me/blocks').then(({ blocked }) => blocked.forEach((/** @type {any} */ one) => chat.block(one.handle))).catch(() => {})
  void socket.open()
  void watching.join()
}

if (room.state === 'ended') ended(facts.room?.end_reason ?? undefined)
else begin()
