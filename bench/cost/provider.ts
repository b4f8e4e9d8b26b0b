import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../../dev/free-port.ts'

export type SlowProvider = {
  url: string
  /** When each mail arrived, by address. */
  arrivals: Map<string, number>
  /** The newest code, by address. */
  codes: Map<string, string>
  onMail(listener: (to: string, at: number) => void): void
  /** Resolves when `count` mails in all have arrived since `reset`. */
  reset(): void
  mailed(count: number): Promise<void>
  close(): void
}

/** Takes every mail after so many milliseconds. Ids differ, as providers' do: settling mails with one id would wait for one row. */
export const startSlowProvider = async (latencyMs: number): Promise<SlowProvider> => {
  const arrivals = new Map<string, number>()
  const codes = new Map<string, string>()
  let listener: (to: string, at: number) => void = () => {}
  const server = createServer(async (request, response) => {
    const at = performance.now()
    let body = ''
    for await (const chunk of request) body += chunk
    const { to, text } = JSON.parse(body)
    codes.set(String(to), /^(?:\d{4}|\d{8})$/m.exec(text)?.[0] ?? '')
    arrivals.set(String(to), at)
    listener(String(to), at)
    if (latencyMs > 0) await sleep(latencyMs)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: randomUUID() }))
  })
  server.keepAliveTimeout = 60_000
  const port = await findFreePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${port}`,
    arrivals,
    codes,
    onMail: (next) => {
      listener = next
    },
    reset: () => arrivals.clear(),
    mailed: async (count) => {
      while (arrivals.size < count) await sleep(10)
      // The last of them are settled.
      await sleep(latencyMs + 100)
    },
    close: () => server.close().closeAllConnections(),
  }
}
