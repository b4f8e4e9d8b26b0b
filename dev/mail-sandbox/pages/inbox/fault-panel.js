const choices = [
  { label: '503 ×3', hint: 'down, then back', fault: { kind: 'status', status: 503, times: 3 } },
  { label: '503', hint: 'until told', fault: { kind: 'status', status: 503 } },
  { label: '429', hint: 'Retry-After: 5', fault: { kind: 'status', status: 429, retryAfter: '5' } },
  { label: '422 ×1', hint: 'refuses one mail', fault: { kind: 'status', status: 422, times: 1 } },
  { label: '401', hint: 'refuses the key', fault: { kind: 'status', status: 401 } },
  { label: 'Slow', hint: 'answers after 5 s', fault: { kind: 'latency', ms: 5000 } },
  { label: 'Hang ×1', hint: 'takes it, no answer', fault: { kind: 'hang', times: 1 } },
  { label: 'Silence ×1', hint: 'drops it, no answer', fault: { kind: 'silent', times: 1 } },
  { label: 'Reset ×1', hint: 'cuts the connection', fault: { kind: 'reset', times: 1 } },
  { label: 'Refuse', hint: 'all gone for 10 s', fault: { kind: 'refuse', seconds: 10 } },
]

/** The buttons that break the provider and the one that repairs it. */
export function showPanel(byId) {
  const choose = (fault) => order(fault, byId('panel-problem'))
  const buttons = choices.map((choice) => button(choice, choose))
  const repair = button({ label: 'Back to normal', hint: 'takes mails and answers at once', fault: null }, choose)
  repair.classList.add('repair')
  byId('faults').append(...buttons, repair)
  byId('panel').open = matchMedia('(min-width: 60rem)').matches
  byId('fault-curl').textContent = `curl -X PUT \\\n  -d '{"kind":"hang","times":2}' \\\n  ${location.origin}/faults`

  return {
    choose,
    mark({ fault }) {
      for (const [index, { fault: own }] of choices.entries()) buttons[index].ariaPressed = same(own, fault)
      repair.ariaPressed = fault === null
    },
    enable(online) {
      for (const each of [...buttons, repair]) each.disabled = !online
    },
  }
}

function button({ label, hint, fault }, choose) {
  const element = document.createElement('button')
  const [strong, small] = [document.createElement('strong'), document.createElement('small')]
  element.type = 'button'
  strong.textContent = label
  small.textContent = hint
  element.append(strong, small)
  element.addEventListener('click', () => choose(fault))
  return element
}

/** The page learns of the new state through its event stream. */
async function order(fault, problem) {
  const request = fault === null ? { method: 'DELETE' } : { method: 'PUT', body: JSON.stringify(fault) }
  const answer = await fetch('/faults', request).catch(() => null)
  problem.hidden = answer?.ok ?? false
  problem.textContent = answer === null ? 'The sandbox cannot be reached.' : `The sandbox answered ${answer.status}.`
}

function same(one, other) {
  if (other === null) return false
  const members = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...members].every((member) => one[member] === other[member])
}
