import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { describe } from 'vitest'
import { type ProviderFacts, toResponse } from '../../dev/mail-sandbox/provider/facts.ts'
import { factsOf } from '../../dev/mail-sandbox/provider/fixtures.ts'
import { providerNames } from '../../src/core/mail/providers/providers.ts'
import { testOn } from '../support/test-on.ts'
import { setStage } from './stage.ts'

/** A provider that answers a mail to `NAME@…` with its error of this name, until its account is in order again. */
const startTroubled = async ({ read, errors, accept }: ProviderFacts) => {
  let isInOrder = false
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const error = errors[read(body, headers)?.to[0]?.split('@')[0] ?? '']
    const answer = toResponse(error && !isInOrder ? error : accept(randomUUID()))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    recover: () => {
      isInOrder = true
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const setTroubledStage = async (facts: ProviderFacts) => {
  const [stage, troubled] = await Promise.all([setStage('postgresql'), startTroubled(facts)])
  return {
    ...stage,
    troubled,
    close: async () => {
      await stage.close()
      troubled.close()
    },
  }
}

// What an answer means does not depend on where the jobs are.
describe.concurrent.each(providerNames)('a worker that mails by %s', (name) => {
  const facts = factsOf(name)
  const test = testOn(() => setTroubledStage(facts))

  test('keeps the mail at each documented error about our account, and delivers it when that is over', async ({
    stage,
    expect,
  }) => {
    const errors = Object.entries(facts.errors).filter(([, { means }]) => means === 'us')
    expect(errors.length).toBeGreaterThan(2)
    const settings = { apiKey: facts.apiKey, region: facts.region }
    await stage.startWorker({ mailUrl: stage.troubled.url, provider: { name, settings }, isWithoutCircuit: true })
    const waiting = []
    for (const [error, { word }] of errors) waiting.push({ word, ...(await stage.register(`${error}@example.com`)) })
    const told = () => stage.pool.query<{ word: string }>('select last_error as word from mails order by word')
    const words = waiting.map(({ word }) => word).toSorted()
    await expect.poll(async () => (await told()).rows.map(({ word }) => word).toSorted()).toEqual(words)
    for (const user of waiting) {
      expect(await stage.outcomeOf(user.mailId)).toBeNull()
      expect(await stage.codeStatusOf(user)).toBe('queued')
    }
    stage.troubled.recover()
    for (const user of waiting) await expect.poll(() => stage.codeStatusOf(user)).toBe('sent')
  })
})
