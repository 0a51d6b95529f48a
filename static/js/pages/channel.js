/** A creator's channel. */
import '../dom/frame.js'
import { copy, find } from '../dom/element.js'
import { toast } from '../dom/toast.js'
import { facts, say } from '../facts.js'
import { EntrySheet } from '../people/entry_sheet.js'
import { followButton } from '../people/follow.js'
import { onArrival } from '../people/me.js'
import { ReportSheet } from '../people/report_sheet.js'

const { handle, display_name: name } = facts.profile
const entry = new EntrySheet()
const reports = new ReportSheet()
let arrived = false

onArrival(() => { arrived = true })
followButton(document.getElementById('follow'), handle, () => entry.need(say('people.why_follow')), followers => {
  find('followers').textContent = say('channel.followers', { n: followers })
  if (arrived) location.reload() // the top bar is a stranger's
})
document.getElementById('report')?.addEventListener('click', () => reports.open({ handle }))
find('share').addEventListener('click', async () => {
  const url = `${facts.public_url}/@${handle}`
  if (navigator.share) return navigator.share({ title: name, url }).catch(() => {})
  await copy(url)
  toast(say('common.copied'), 'good')
})
