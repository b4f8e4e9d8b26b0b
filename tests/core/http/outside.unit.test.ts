import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createEgress } from '../../../src/core/process/http/egress.ts'
import { createTextFetcher } from '../../../src/core/process/http/fetch-text.ts'

let server: Server
let url: string
let answer: RequestListener
let connections: number
beforeEach(async () => {
  connections = 0
  server = createServer((request, response) => answer(request, response)).on('connection', () => {
    connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`
})
afterEach(() => {
  server.close()
  server.closeAllConnections()
})

describe('a connection to the outside', () => {
  const SETTINGS = { timeoutMs: 300, connections: 2, maxAnswerBytes: 100 }

  const call = async (settings: Partial<Parameters<typeof createEgress>[0]> = {}, times = 1) => {
    const egress = createEgress({ ...SETTINGS, ...settings })
    const calls = Array.from({ length: times }, async () => {
      const { body } = await egress.request({ origin: new URL(url).origin, path: '/', method: 'GET' })
      return body.text()
    })
    return Promise.all(calls).finally(() => egress.destroy())
  }

  test.each([undefined, 'http://127.0.0.1:9'])(
    'by http goes its own way, whatever HTTPS_PROXY=%s says',
    async (proxy) => {
      answer = (_request, response) => response.end('here')
      expect(await call({ proxies: { HTTPS_PROXY: proxy } })).toEqual(['here'])
    },
  )

  test('is one of few, and may be used again', async () => {
    answer = (_request, response) => setImmediate(() => response.end('here'))
    expect(await call({}, 10)).toHaveLength(10)
    expect(connections).toBe(2)
  })

  test('is not waited for when nobody answers, or stops in the middle', async () => {
    answer = () => {}
    await expect(call()).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' })
    answer = (_request, response) => void response.write('he')
    await expect(call()).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' })
  })

  test('brings no more than is wanted', async () => {
    answer = (_request, response) => void response.end('x'.repeat(100))
    expect(await call()).toEqual(['x'.repeat(100)])
    answer = (_request, response) => void response.end('x'.repeat(101))
    await expect(call()).rejects.toMatchObject({ code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' })
  })
})

describe('a text', () => {
  test('is fetched over connections that are kept', async () => {
    const fetchText = createTextFetcher({})
    answer = (request, response) => response.end(`${request.method} ${request.url}`)
    for (const name of ['a', 'b', 'c', 'd', 'e']) expect(await fetchText(`${url}${name}`)).toBe(`GET /${name}`)
    expect(connections).toBeLessThanOrEqual(2)
  })

  test.each([404, 204, 302])('is none with a %i', async (status) => {
    answer = (_request, response) => response.writeHead(status, { location: '/elsewhere' }).end()
    await expect(createTextFetcher({})(url)).rejects.toThrow(`a text could not be fetched: ${status}`)
  })

  test('is small', async () => {
    answer = (_request, response) => response.end('x'.repeat(64 * 1024 + 1))
    await expect(createTextFetcher({})(url)).rejects.toMatchObject({ code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' })
  })

  test('is there within five seconds, or none', async () => {
    const late = new AbortController()
    const limit = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(late.signal)
    answer = () => late.abort(new Error('late'))
    try {
      await expect(createTextFetcher({})(url)).rejects.toThrow('late')
      expect(limit.mock.calls).toEqual([[5000]])
    } finally {
      limit.mockRestore()
    }
  })
})
