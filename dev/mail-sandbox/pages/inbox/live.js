const RETRY_MS = 1000

/** Hands each event to the handler of its name, and starts anew whenever the stream is lost. */
export function follow(handlers) {
  const source = new EventSource('/events')
  for (const name of ['inbox', 'mail', 'fault', 'all-told', 'told']) {
    source.addEventListener(name, (event) => handlers[name](JSON.parse(event.data)))
  }
  source.addEventListener('open', () => handlers.connection(true))
  source.addEventListener('error', () => {
    // Browsers differ in whether they come back after a refused connection.
    source.close()
    handlers.connection(false)
    setTimeout(follow, RETRY_MS, handlers)
  })
}
