import { showAge } from './ages.js'

const EVENTS_SHOWN = 100

/** The events that the service told to its users' systems, newest first; hidden where the sandbox is not told any. */
export function showTold(byId) {
  const list = byId('told')
  const items = new Map()
  byId('told-panel').open = matchMedia('(min-width: 60rem)').matches

  const put = (event) => {
    const item = items.get(event.id) ?? newItem(byId('told-template'), event)
    item.querySelector('.repeats').hidden = event.repeats === 0
    item.querySelector('.repeats').textContent = `told again ×${event.repeats}`
    if (!items.has(event.id)) list.prepend(item)
    items.set(event.id, item)
    if (items.size > EVENTS_SHOWN) {
      items.delete(items.keys().next().value)
      list.lastElementChild.remove()
    }
    byId('told-count').textContent = items.size
    byId('told-nothing').hidden = true
  }

  return {
    put,
    replace(events) {
      items.clear()
      list.replaceChildren()
      byId('told-count').textContent = ''
      byId('told-nothing').hidden = false
      byId('told-panel').hidden = false
      for (const event of events.toReversed()) put(event)
    },
  }
}

/** Whatever comes from an event is put in as text. */
function newItem(template, { id, type, receivedAt, timestamp, data }) {
  const element = template.content.firstElementChild.cloneNode(true)
  const part = (selector) => element.querySelector(selector)
  part('.type').textContent = type
  part('.whom').textContent = data.user?.email ?? data.user?.id ?? ''
  showAge(part('time'), receivedAt)
  part('.body').textContent = JSON.stringify({ type, timestamp, data }, null, 2)
  part('.id').textContent = `webhook-id: ${id}`
  return element
}
