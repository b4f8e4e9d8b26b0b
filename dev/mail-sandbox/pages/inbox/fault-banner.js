const TICK_MS = 500

/** Says in one sentence what is wrong with the provider now. */
export function showBanner(byId, choose) {
  let state = { fault: null, left: null, until: null }
  let online = true

  const refresh = () => {
    const lost = !online && state.fault?.kind !== 'refuse'
    byId('banner').hidden = online && state.fault === null
    byId('banner').classList.toggle('lost', lost)
    write(byId('banner-what'), lost ? 'The sandbox cannot be reached.' : what(state.fault))
    write(byId('banner-left'), lost ? 'Is it running? Trying again every second.' : howLong(state))
    byId('banner-end').hidden = !online || state.fault?.kind === 'refuse'
  }

  byId('banner-end').addEventListener('click', () => choose(null))
  setInterval(refresh, TICK_MS)

  return {
    show(next) {
      state = next
      refresh()
    },
    connected(now) {
      online = now
      refresh()
    },
  }
}

// A screen reader would read an unchanged sentence again.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}

function what(fault) {
  switch (fault?.kind) {
    case 'status':
      return `The provider answers ${fault.status}${fault.retryAfter ? ` with Retry-After: ${fault.retryAfter}` : ''}`
    case 'latency':
      return `The provider answers ${fault.ms / 1000} s late`
    case 'hang':
      return 'The provider takes mails and never answers'
    case 'silent':
      return 'The provider neither takes mails nor answers'
    case 'reset':
      return 'The provider resets connections'
    case 'refuse':
      return 'The provider refuses connections'
    default:
      return ''
  }
}

function howLong({ fault, left, until }) {
  if (fault === null) return ''
  if (until !== null) return `and is back in ${Math.max(0, Math.ceil((Date.parse(until) - Date.now()) / 1000))} s`
  if (left === null) return 'until told otherwise'
  return left === 1 ? 'for the next request' : `for the next ${left} requests`
}
