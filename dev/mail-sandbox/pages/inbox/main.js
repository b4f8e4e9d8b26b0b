import { keepAgesFresh } from './ages.js'
import { copyOnClick } from './copy.js'
import { showBanner } from './fault-banner.js'
import { showPanel } from './fault-panel.js'
import { showInbox } from './inbox.js'
import { follow } from './live.js'
import { showTold } from './told.js'

const byId = (id) => document.getElementById(id)
const inbox = showInbox(byId)
const told = showTold(byId)
const panel = showPanel(byId)
const banner = showBanner(byId, panel.choose)

copyOnClick(byId('copy-curl'), () => byId('curl').textContent)
byId('empty').addEventListener('click', () => fetch('/emails', { method: 'DELETE' }))
keepAgesFresh()

follow({
  inbox: ({ data }) => inbox.replace(data),
  mail: (mail) => inbox.put(mail),
  'all-told': ({ data }) => told.replace(data),
  told: (event) => told.put(event),
  fault(state) {
    panel.mark(state)
    banner.show(state)
  },
  connection(online) {
    byId('connection').textContent = online ? 'live' : 'reconnecting'
    byId('connection').classList.toggle('online', online)
    panel.enable(online)
    banner.connected(online)
  },
})
