import { showAge } from './ages.js'
import { copyOnClick } from './copy.js'

/** One mail of the list. Whatever comes from a mail is put in as text, its HTML only into the sandboxed frame. */
export function mailCard(template, mail) {
  const element = template.content.firstElementChild.cloneNode(true)
  const part = (selector) => element.querySelector(selector)

  part('.subject').textContent = mail.subject
  part('.to').textContent = mail.to.join(', ')
  part('.to').title = `From ${mail.from}`
  part('.key').textContent = mail.idempotencyKey ?? 'no idempotency key'
  showAge(part('time'), mail.createdAt)
  showCode(part, mail.code)
  showParts(part, mail)
  return {
    element,
    update: (now) => {
      showRepeats(part('.repeats'), now.repeats)
      showReports(part('.reports'), now.reports)
    },
  }
}

function showCode(part, code) {
  part('.code').hidden = code === null
  part('.no-code').hidden = code !== null
  if (code === null) return
  part('.digits').replaceChildren(...code.match(/\d{4}/g).map(group))
  copyOnClick(part('.code'), () => code, part('.hint'))
}

function group(digits) {
  const element = document.createElement('span')
  element.textContent = digits
  return element
}

function showParts(part, { text, html }) {
  part('.text-part').hidden = text === null
  part('.html-part').hidden = html === null
  part('.text').textContent = text
  if (html === null) return
  // A frame is dear: a thousand of them at once keep the browser busy for half a minute.
  part('.parts').addEventListener('toggle', () => part('.html-part').append(frame(html)), { once: true })
}

function frame(html) {
  const element = document.createElement('iframe')
  element.setAttribute('sandbox', '')
  element.title = 'The HTML part of the mail'
  element.srcdoc = html
  return element
}

function showRepeats(badge, repeats) {
  badge.hidden = repeats === 0
  badge.textContent = `sent again ×${repeats}`
  badge.title = 'The same request came again under the same key; no second mail was made of it.'
}

/** What the provider reported of the mail, and whether the service took the report. */
function showReports(list, reports) {
  list.hidden = reports.length === 0
  list.replaceChildren(...reports.map(report))
}

function report({ type, status }) {
  const element = document.createElement('li')
  const taken = status !== null && status < 300
  element.textContent = `${type.replace('email.', '')}${taken ? '' : `, not taken yet (${status ?? 'no answer'})`}`
  return element
}
