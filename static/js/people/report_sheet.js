/** Reporting a room, a message or a person; no account needed. */
import { onSubmit } from '../dom/busy.js'
import { find } from '../dom/element.js'
import { Sheet } from '../dom/sheet.js'
import { toast } from '../dom/toast.js'
import { say } from '../facts.js'
import { call } from '../wire/api.js'

export class ReportSheet {
  #sheet = new Sheet(find('report-sheet'))
  /** @type {Record<string, string>} */
  #subject = {}

  constructor() {
    onSubmit(find('report-form'), async ({ reason, detail }) => {
      await call('POST', '/api/reports', { body: { ...this.#subject, reason, ...(detail && { detail }) } })
      this.#sheet.close()
      toast(say('report.sent'), 'good')
    })
  }

  /** @param {{ room_id?: string, message_id?: string, handle?: string }} subject */
  open(subject) {
    this.#subject = /** @type {Record<string, string>} */ (subject)
    find('report-form').reset()
    this.#sheet.open()
  }
}
