import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

/** An answer as it came over the wire. Names of headers are in lower case; two of one name are joined. */
export type RawAnswer = { status: number; headers: Record<string, string>; body: string }

/** `isClosed` tells that the server ended the connection. */
export type Heard = { answers: RawAnswer[]; isClosed: boolean }

type Options = { localAddress?: string; answers?: number; isHead?: boolean }

/** Opens a bare connection; what goes wrong on it is no error of the test. */
export const openSocket = async (url: string, localAddress?: string): Promise<Socket> => {
  const { hostname, port } = new URL(url)
  const socket = createConnection({ host: hostname, port: Number(port), ...(localAddress && { localAddress }) })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends bytes as they are, and listens until so many answers (one) have come or the server ends the connection. */
export const speak = async (url: string, bytes: string | Buffer, options: Options = {}): Promise<Heard> => {
  const socket = await openSocket(url, options.localAddress)
  socket.write(bytes)
  const heard = await listen(socket, options.answers, options.isHead)
  socket.destroy()
  return heard
}

/** Listens on an open connection. Answers that only say that more will come (1xx) count too. */
export const listen = (socket: Socket, count = 1, isHead = false): Promise<Heard> =>
  new Promise((resolve) => {
    const answers: RawAnswer[] = []
    let rest = ''
    const hear = (chunk: Buffer | string) => {
      const heard = parseAnswers(rest + Buffer.from(chunk).toString('latin1'), isHead)
      answers.push(...heard.answers)
      rest = heard.rest
      if (answers.length < count) return
      socket.off('data', hear)
      resolve({ answers, isClosed: false })
    }
    socket.on('data', hear)
    socket.on('close', () => resolve({ answers, isClosed: true }))
  })

/** The answers that are there as a whole, and what is behind them. */
const parseAnswers = (text: string, isHead: boolean): { answers: RawAnswer[]; rest: string } => {
  const answers: RawAnswer[] = []
  let rest = text
  while (rest.startsWith('HTTP/1.1 ')) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) break
    const [line = '', ...lines] = rest.slice(0, end).split('\r\n')
    const headers = headersOf(lines)
    const length = isHead ? 0 : Number(headers['content-length'] ?? 0)
    if (rest.length < end + 4 + length) break
    const body = Buffer.from(rest.slice(end + 4, end + 4 + length), 'latin1').toString('utf8')
    answers.push({ status: Number(line.split(' ')[1]), headers, body })
    rest = rest.slice(end + 4 + length)
  }
  return { answers, rest }
}

const headersOf = (lines: string[]): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [name = '', value = ''] = [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1)]
    headers[name] = name in headers ? `${headers[name]}, ${value.trim()}` : value.trim()
  }
  return headers
}

/** A request without a body, line by line; `Host` first. */
export const get = (line: string, ...headers: string[]): string =>
  [line, 'Host: latchkey', ...headers, '', ''].join('\r\n')

/** A POST of JSON, framed as it should be. */
export const postOf = (path: string, body: string | Buffer, ...headers: string[]): Buffer =>
  Buffer.concat([
    Buffer.from(
      get(
        `POST ${path} HTTP/1.1`,
        'Content-Type: application/json',
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...headers,
      ),
    ),
    Buffer.from(body),
  ])
