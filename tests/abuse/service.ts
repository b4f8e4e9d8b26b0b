import * as v from 'valibot'
import { expect, vi } from 'vitest'
import { problemSchema } from '../../src/api/answers/schemas.ts'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { createTestDatabase } from '../support/database.ts'
import { codeIn, type MailProvider, startMailProvider } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import { startProcess, startProgram } from '../support/processes.ts'
import { untilServed } from '../support/until-served.ts'
import type { RawAnswer } from './speak.ts'

type Options = {
  apis?: number
  hasWorker?: boolean
  environment?: Record<string, string>
  /** In processes of their own, for what is about one. */
  isApart?: boolean
}

export type Person = { id: string; email: string }

/** The service as it is started in earnest, with a provider to mail through and a database of its own. */
export const startService = async ({
  apis = 1,
  hasWorker = false,
  environment = {},
  isApart = false,
}: Options = {}) => {
  const start = isApart ? startProcess : startProgram
  const [database, provider] = await Promise.all([createTestDatabase(), startMailProvider()])
  const settings = { DATABASE_URL: database.url, MAIL_URL: provider.url, RESEND_COOLDOWN_SECONDS: '0', ...environment }
  const processes = await Promise.all([
    ...Array.from({ length: apis }, () => start('api', settings)),
    ...(hasWorker ? [start('worker', settings)] : []),
  ])
  const urls = processes.slice(0, apis).map(({ url }) => url)
  const url = urls[0] ?? ''
  const requests = requestsTo(url)
  const log = () => processes.map((process) => process.log()).join('')

  return {
    url,
    urls,
    opsUrls: processes.map(({ opsUrl }) => opsUrl),
    database,
    provider,
    log,
    ...requests,
    ...waitingForMails(provider, requests),

    /** Bytes of memory that the first api holds. */
    memory: async () => {
      const metrics = await (await fetch(`${processes[0]?.opsUrl}/metrics`)).text()
      return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1])
    },

    /** Every process still runs, answers, has logged no fault of its own, and ends in order. */
    close: async () => {
      for (const at of urls) expect((await fetch(`${at}/livez`)).status).toBe(200)
      expect(log().match(/^.*"level":"(?:error|fatal)".*$/gm)).toBeNull()
      const codes = await Promise.all(processes.map((process) => process.stop()))
      if (isApart) expect(codes).toEqual(processes.map(() => 0))
      await provider.close()
      await database.drop()
    },
  }
}

const headersOf = ({ email }: Person) => ({ authorization: basic(email) })

/** What a person asks the api for. */
const requestsTo = (url: string) => ({
  register: async (email: string, headers: Record<string, string> = {}): Promise<Person> => {
    const answer = await untilServed(() => fetch(`${url}/v1/users`, post({ email, password: PASSWORD }, headers)))
    expect(answer.status).toBe(202)
    return { id: (await readUser(answer)).id, email }
  },

  read: async (person: Person) => readUser(await fetch(`${url}/v1/users/${person.id}`, { headers: headersOf(person) })),

  activate: (person: Person, code: unknown, at = url, headers: Record<string, string> = {}) =>
    fetch(`${at}/v1/users/${person.id}/activation`, post({ code }, { ...headersOf(person), ...headers })),

  resend: (person: Person) =>
    fetch(`${url}/v1/users/${person.id}/codes`, { method: 'POST', headers: headersOf(person) }),
})

/** What takes until a mail has come. */
const waitingForMails = (
  provider: MailProvider,
  { register, read, activate, resend }: ReturnType<typeof requestsTo>,
) => {
  /** Waits until the mail of the current code has left, or seems to have. */
  const settled = async (person: Person) => {
    await vi.waitFor(async () => expect((await read(person)).code?.status).not.toBe('queued'), PATIENT)
    return person
  }

  const withCode = async (email: string, ask: () => Promise<Person>) => {
    const sent = provider.inbox(email).length
    const person = await ask()
    await vi.waitFor(() => expect(provider.inbox(email)).toHaveLength(sent + 1), PATIENT)
    await settled(person)
    return { ...person, code: codeIn(provider.inbox(email).at(-1)) }
  }
  const registerWithCode = (email: string) => withCode(email, () => register(email))

  return {
    settled,
    registerWithCode,

    registerAndActivate: async (email: string) => {
      const person = await registerWithCode(email)
      expect((await activate(person, person.code)).status).toBe(200)
      return person
    },

    /** Asks for a new code and waits for it. */
    resendWithCode: (person: Person) =>
      withCode(person.email, async () => {
        expect((await resend(person)).status).toBe(202)
        return person
      }),
  }
}

export type Service = Awaited<ReturnType<typeof startService>>

/** What every answer has, whatever was asked. */
export const expectOwnAnswer = ({ status, headers, body }: RawAnswer): void => {
  expect(status).not.toBe(500)
  expect(headers).toMatchObject({
    'x-request-id': expect.stringMatching(/^[\w.-]{1,64}$/),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
    date: expect.stringMatching(/GMT$/),
  })
  expect(body).not.toMatch(/\n\s+at |node:internal|select |insert /)
}

/** A problem document with all that belongs to it. */
export const expectRawProblem = (answer: RawAnswer | undefined, status: number, slug: string) => {
  if (!answer) throw new Error('there is no answer')
  expectOwnAnswer(answer)
  const problem = v.parse(problemSchema, JSON.parse(answer.body))
  expect(problem).toMatchObject({ type: `/problems/${slug}`, status, requestId: answer.headers['x-request-id'] })
  expect(answer.status).toBe(status)
  expect(answer.headers['content-type']).toBe('application/problem+json')
  if (status === 429 || status === 503) expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
  return problem
}
