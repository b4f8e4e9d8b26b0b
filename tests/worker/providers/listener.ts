import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { toResponse } from '../../../dev/mail-sandbox/provider/facts.ts'
import { factsOf } from '../../../dev/mail-sandbox/provider/fixtures.ts'
import type { ProviderName } from '../../../src/core/mail/providers/providers.ts'
import { createTestMailer } from './mailer-cases.ts'

export type Sent = { method: string; path: string; headers: IncomingHttpHeaders; body: string }

/** A server for all tests of a file that takes every mail as a provider does, and keeps what came. */
export const shareListener = () => {
  let server: Server
  let url = ''
  let requests: Sent[] = []
  let answerAs: ProviderName = 'resend'

  beforeAll(async () => {
    server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      const { method = '', url: path = '', headers } = request
      requests.push({ method, path, headers, body })
      const answer = toResponse(factsOf(answerAs).accept('id-1'))
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })
  beforeEach(() => {
    requests = []
  })

  const sendOurs = async (name: ProviderName): Promise<void> => {
    answerAs = name
    const mailer = createTestMailer(name, url, { timeoutMs: 5000 })
    await mailer.send()
    await mailer.close()
  }

  return {
    url: () => url,

    /** What our mailer sends. */
    ours: async (name: ProviderName): Promise<Sent> => {
      await sendOurs(name)
      const [ours] = requests
      if (!ours) throw new Error('a request is missing')
      return ours
    },

    /** The same mail by the official package and by ours. */
    compare: async (name: ProviderName, official: () => Promise<unknown>): Promise<[Sent, Sent]> => {
      answerAs = name
      await official()
      await sendOurs(name)
      const [theirs, ours] = requests
      if (!theirs || !ours) throw new Error('a request is missing')
      expect(requests).toHaveLength(2)
      expect(ours.method).toBe(theirs.method)
      expect(ours.path).toBe(theirs.path)
      return [theirs, ours]
    },
  }
}

export const jsonOf = ({ body }: Sent): Record<string, unknown> => JSON.parse(body)
