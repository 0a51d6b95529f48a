/** A gift as a room sees it: lane, scene, and a line in the chat for the grand ones. */
import { say } from '../facts.js'
import { LaneView } from '../gifts/lane_view.js'
import { later } from '../dom/later.js'
import { me } from '../people/me.js'

/** @typedef {import('../wire/frames.js').GiftBody} GiftBody */
const SCENES_FROM_TIER = 2
const IN_CHAT_FROM_TIER = 3

export class GiftShow {
  /**
   * @param {object} places
   * @param {HTMLElement} places.lanes
   * @param {HTMLElement | null} places.scene without one there are no scenes
   * @param {HTMLElement} places.stage
   * @param {import('../chat/chat_list.js').ChatList} places.chat
   * @param {boolean} [places.thanks] whether to remind to say thank you
   */
  constructor({ lanes, scene, stage, chat, thanks = false }) {
    this.lanes = new LaneView(lanes)
    this.scene = scene && later(async () => new (await import('../gifts/scene_view.js')).SceneView(scene, stage))
    this.chat = chat
    this.thanks = thanks
  }

  /** @param {GiftBody} body */
  add(body) {
    this.lanes.add(body)
    if (body.tier >= SCENES_FROM_TIER) void this.scene?.().then(scene => scene.add(body))
    if (body.tier >= IN_CHAT_FROM_TIER) {
      const thanks = this.thanks ? say('chat.thank', { name: body.from.display_name }) : ''
      this.chat.gift(body, thanks)
    }
  }

  /** One's own gift, before the server has it. @param {import('../gifts/tray.js').Order} order @param {import('../facts.js').Gift} gift */
  pending(order, gift) {
    if (!me.current) return
    this.lanes.add({
      t: 'gift', id: order.key, from: me.current, gift_id: order.gift_id, quantity: order.quantity,
      coins: gift.coins * order.quantity, tier: gift.tier, combo: { id: order.combo_id, count: order.quantity },
      at: new Date().toISOString(),
    }, true)
  }

  /** @param {import('../gifts/tray.js').Order} order */
  takenBack(order) {
    this.lanes.takeBack(order.combo_id, order.quantity)
  }
}
