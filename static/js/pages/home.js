/** The home page: the card one looks at plays its broadcast, muted; the list keeps up to date. */
import '../dom/frame.js'
import { isCalm, make } from '../dom/element.js'
import { ViewToken } from '../room/view_token.js'
import { Watching } from '../wire/watching.js'

const LINGER_MS = 450
const REFRESH_MS = 8000

/** @type {{ card: Element, watching: Watching, video: HTMLVideoElement } | null} */
let playing = null
let timer = 0

/** @param {Element} card */
function play(card) {
  if (playing?.card === card) return
  stop()
  const roomId = /** @type {HTMLElement} */ (card).dataset.room ?? ''
  const video = make('video', { muted: true, playsinline: true, autoplay: true, tabindex: -1, 'aria-hidden': 'true' })
  video.muted = true
  video.addEventListener('playing', () => video.classList.add('shown'))
  card.querySelector('.room-still')?.prepend(video)
  const token = new ViewToken(roomId)
  const watching = new Watching(roomId, () => token.get(), {
    stream: stream => { video.srcObject = stream },
    state: state => { if (state === 'refused' || state === 'waiting') stop() },
  })
  playing = { card, watching, video }
  void watching.join()
}

function stop() {
  playing?.watching.close()
  playing?.video.remove()
  playing = null
}

/** @param {Element} card */
function linger(card) {
  clearTimeout(timer)
  timer = setTimeout(() => play(card), LINGER_MS)
}

/** Who is live now, as the server renders it. */
async function refresh() {
  const response = document.hidden || playing ? null : await fetch('/', { headers: { Accept: 'text/html' } }).catch(() => null)
  if (response?.ok) {
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
    const main = fresh.getElementById('main')
    if (main && !playing && rooms(fresh) !== rooms(document)) {
      document.getElementById('main')?.replaceChildren(...main.children)
      listen()
    }
  }
  setTimeout(refresh, REFRESH_MS)
}

/** @param {Document} page */
function rooms(page) {
  return [...page.querySelectorAll('.room-card')].map(card => /** @type {HTMLElement} */ (card).dataset.room).join()
}

function listen() {
  if (isCalm()) return
  for (const card of document.querySelectorAll('.room-card[data-room]')) {
    card.addEventListener('pointerenter', () => linger(card))
    card.addEventListener('focusin', () => linger(card))
    for (const event of ['pointerleave', 'focusout']) {
      card.addEventListener(event, () => { clearTimeout(timer); stop() })
    }
  }
}

listen()
addEventListener('pagehide', stop)
setTimeout(refresh, REFRESH_MS)
