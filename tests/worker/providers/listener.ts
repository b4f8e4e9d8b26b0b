import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { toResponse } from '../../../dev/mail-sandbox/provider/facts.ts'
import { factsOf } from '../../../dev/mail-sandbox/provider/fixtures.ts'
import type { ProviderName } from '../../../src/core/mail/providers/providers.ts'
import { createTestMailer } from './mailer-cases.ts'

export type Sent = { method: string; path: string; headers: IncomingHttpHeaders; body: string }

/** A server for all tests of a file that takes every mail as a provider does, and keeps what came. */
export const shareListener = () => {
  let listener: Awaited<ReturnType<typeof startListener>>
  beforeAll(async () => {
    listener = await startListener()
  })
  afterAll(() => listener.close())
  beforeEach(() => listener.forget())

  const sendOurs = async (name: ProviderName): Promise<void> => {
    listener.answerAs(name)
    const mailer = createTestMailer(name, listener.url, { timeoutMs: 5000 })
    await mailer.send()
    await mailer.close()
  }

  return {
    url: () => listener.url,

    /** What our mailer sends. */
    ours: async (name: ProviderName): Promise<Sent> => {
      await sendOurs(name)
      const [ours] = listener.requests()
      if (!ours) throw new Error('a request is missing')
      return ours
    },

    /** The same mail by the official package and by ours. */
    compare: async (name: ProviderName, official: () => Promise<unknown>): Promise<[Sent, Sent]> => {
      listener.answerAs(name)
      await official()
      await sendOurs(name)
      const [theirs, ours, ...more] = listener.requests()
      if (!theirs || !ours) throw new Error('a request is missing')
      expect(more).toEqual([])
      expect(ours.method).toBe(theirs.method)
      expect(ours.path).toBe(theirs.path)
      return [theirs, ours]
    },
  }
}

const startListener = async () => {
  let requests: Sent[] = []
  let provider: ProviderName = 'resend'
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { method = '', url: path = '', headers } = request
    requests.push({ method, path, headers, body })
    const answer = toResponse(factsOf(provider).accept('id-1'))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    requests: () => requests,
    answerAs: (name: ProviderName) => {
      provider = name
    },
    forget: () => {
      requests = []
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

export const jsonOf = ({ body }: Sent): Record<string, unknown> => JSON.parse(body)
