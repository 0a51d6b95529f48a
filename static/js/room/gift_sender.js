/** Sends a gift exactly once: by socket, or by HTTP under the same key when the socket is silent. */
import { call, Refused } from '../wire/api.js'

const TRIES_MAX = 4
const PAUSE_MS = 800

/**
 * @param {import('../wire/room_socket.js').RoomSocket} socket
 * @param {import('../gifts/tray.js').Order} order
 * @returns {Promise<{ coins: number }>} the balance afterwards
 */
export async function sendGift(socket, order) {
  const { key, ...body } = order
  try {
    const answer = await socket.request({ t: 'gift', ...order })
    return answer.answer.balance
  } catch (error) {
    if (!isOffline(error)) throw error
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await call('POST', `/api/rooms/${socket.roomId}/gifts`, { body, key })
      return answer.balance
    } catch (error) {
      if (!isOffline(error) || attempt >= TRIES_MAX) throw error
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS * attempt))
    }
  }
}

/** @param {unknown} error */
function isOffline(error) {
  return error instanceof Refused && error.code === 'offline'
}
