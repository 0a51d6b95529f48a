/** The room this tab broadcasts to, kept over a reload. */
const KEY = 'ovation.room'

/** @typedef {{ room_id: string, stream_key: string, title: string }} Held */

/** @returns {Held | null} */
export function heldRoom() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null')
  } catch {
    return null
  }
}

/** @param {Held | null} room */
export function holdRoom(room) {
  if (room) sessionStorage.setItem(KEY, JSON.stringify(room))
  else sessionStorage.removeItem(KEY)
}
