import { createServer } from 'node:http'

export type Arrived = { at: number; to: string; status: number }

/** A mail provider whose answer depends on the address: `statusFor` gives the status. */
export const startChoosyProvider = async (statusFor: (to: string) => number) => {
  const requests: Arrived[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { to } = JSON.parse(body)
    const status = statusFor(to)
    requests.push({ at: Date.now(), to, status })
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"id":"taken"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    taken: () => requests.filter((request) => request.status === 200),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
