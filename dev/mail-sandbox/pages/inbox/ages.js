const SECOND_MS = 1000
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

export function showAge(element, iso) {
  element.dateTime = iso
  element.title = new Date(iso).toLocaleString()
  refresh(element)
}

/** Codes live for a minute, so ages are counted in seconds before the reader's eyes. */
export function keepAgesFresh() {
  setInterval(() => {
    for (const element of document.querySelectorAll('li time')) refresh(element)
  }, SECOND_MS)
}

function refresh(element) {
  const written = new Date(element.dateTime)
  const text = `${clock.format(written)} · ${age((Date.now() - written) / SECOND_MS)}`
  if (element.textContent !== text) element.textContent = text
}

function age(seconds) {
  if (seconds < 2) return 'now'
  if (seconds < 120) return `${Math.floor(seconds)} s ago`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`
  return `${Math.floor(seconds / 3600)} h ago`
}
