import { codeOf } from '../../../api/api-client.ts'
import { readUser } from '../../../support/answers.ts'
import type { TestDatabase } from '../../../support/database.ts'
import type { Typed } from '../model.ts'
import { type createCalls, told } from './calls.ts'
import type { Script } from './http-script.ts'
import type { createJobs } from './jobs.ts'
import type { Provider } from './provider.ts'

export type Person = { id: string; email: string }

type Tools = ReturnType<typeof createCalls> & {
  database: TestDatabase
  script: Script
  provider: Provider
  jobs: ReturnType<typeof createJobs>
}

/** What people ask the api for, and what they are told. */
export const createPeople = (tools: Tools) => ({ ...withRegistration(tools), ...withAccount(tools) })

const withRegistration = ({ database, script, provider, jobs, send, request }: Tools) => ({
  register: async (body: object, key: string | null) => {
    const headers = key === null ? {} : { 'idempotency-key': key }
    const answer = await request({ method: 'POST', path: '/v1/users', body, headers })
    const user = answer.ok ? await readUser(answer.clone()) : null
    if (user) script.learn(user.id)
    await jobs.relay()
    return { answer: await told(answer), user }
  },
  read: async ({ id, email }: Person, password: string) =>
    told(await request({ method: 'GET', path: `/v1/users/${id}`, by: { email, password } })),
  /** The same, out of the script. */
  look: async ({ id, email }: Person, password: string) => {
    const answer = await send({ method: 'GET', path: `/v1/users/${id}`, by: { email, password } })
    return { answer: await told(answer.clone()), user: answer.ok ? await readUser(answer) : null }
  },
  activate: async ({ id, email }: Person, password: string, typed: Typed) => {
    const read = provider.readBy(id)
    const current = await codeOf(database, { id, email }).catch(() => '0000')
    const code = { right: current, older: read.findLast((one) => one !== current), unreadable: '12a4' }
    const body = { code: typed === 'wrong' ? wrongFor([...read, current]) : code[typed] }
    return told(await request({ method: 'POST', path: `/v1/users/${id}/activation`, by: { email, password }, body }))
  },
  resend: async ({ id, email }: Person, password: string) => {
    const answer = await request({ method: 'POST', path: `/v1/users/${id}/codes`, by: { email, password } })
    await jobs.relay()
    return told(answer)
  },
})

const withAccount = ({ request }: Tools) => ({
  checkSignIn: async (email: string, password: string) =>
    told(await request({ method: 'GET', path: '/v1/account', by: { email, password } })),
  changePassword: async (email: string, password: string, next: string) => {
    const body = { password: next }
    return told(await request({ method: 'PUT', path: '/v1/account/password', by: { email, password }, body }))
  },
  deleteAccount: async (email: string, password: string) =>
    told(await request({ method: 'DELETE', path: '/v1/account', by: { email, password } })),
})

/** Four or eight digits, as the last of them has, that none of them is. */
const wrongFor = (known: string[]): string => {
  const length = known.at(-1)?.length ?? 4
  for (let number = 0; ; number += 1) {
    const digits = String(number).padStart(length, '0')
    if (!known.includes(digits)) return digits
  }
}
