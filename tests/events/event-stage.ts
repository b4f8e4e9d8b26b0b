import * as v from 'valibot'
import { expect, vi } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, createTestApi, PASSWORD, post } from '../support/api.ts'
import type { BackendName } from '../support/backends.ts'
import { startEventReceiver } from '../support/event-receiver.ts'
import { codeIn, type MailProvider } from '../support/mail-provider.ts'
import { PATIENT } from '../support/patient.ts'
import { startProcess, startProgram, type TestProgram } from '../support/processes.ts'
import { untilServed } from '../support/until-served.ts'
import { setStage } from '../worker/stage.ts'

export const SECRETS = ['whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 'whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=']
const job = v.object({ id: v.string(), name: v.string(), data: v.unknown() })
const board = v.object({ queues: v.array(v.object({ name: v.string(), jobs: v.array(job) })) })

/** The service with somebody to tell events to. The API is asked directly until `startApi`; workers start when told. */
export const setEventStage = async (backend: BackendName) => {
  const [stage, receiver] = await Promise.all([setStage(backend), startEventReceiver()])
  const programs = createPrograms({
    DATABASE_URL: stage.database.url,
    REDIS_URL: stage.redis?.url,
    MAIL_URL: stage.provider.url,
    WEBHOOK_URL: receiver.url,
    WEBHOOK_SECRET: SECRETS.join(','),
    OPS_USER: 'ops',
    OPS_PASSWORD: 'ops',
  })
  const app = await createTestApi(stage.database, { WEBHOOK_URL: receiver.url })
  let ask: Ask = async (path, init) => app.request(path, init)

  return {
    ...stage,
    ...peopleAt((path, init) => ask(path, init), stage.provider),
    receiver,
    startWorker: (more?: Record<string, string>) => programs.start('worker', more),
    startVictim: programs.startVictim,
    startApi: async () => {
      const api = await programs.start('api')
      ask = (path, init) => fetch(`${api.url}${path}`, init)
    },
    typesTaken: () => receiver.taken().map(({ type }) => type),
    jobsOf,
    close: async () => {
      await programs.end()
      await receiver.close()
      await stage.close()
    },
  }
}

const createPrograms = (environment: Record<string, string | undefined>) => {
  const ends: (() => Promise<void>)[] = []
  return {
    start: async (name: 'api' | 'worker', more: Record<string, string> = {}) => {
      const program = await startProgram(name, { ...environment, ...more })
      ends.push(program.stop)
      return program
    },
    /** A worker that can be killed: in a process of its own. */
    startVictim: async () => {
      const victim = await startProcess('worker', environment)
      ends.push(victim.kill)
      return victim
    },
    end: () => Promise.all(ends.map((end) => end())),
  }
}

type Ask = (path: string, init: RequestInit) => Promise<Response>

/** What people do of which events are told. */
const peopleAt = (ask: Ask, provider: MailProvider) => {
  const register = async (email: string) => {
    const body = { email, password: PASSWORD, metadata: { plan: 'free' } }
    const answer = await untilServed(() => ask('/v1/users', post(body)))
    expect(answer.status).toBe(202)
    return readUser(answer)
  }

  return {
    register,

    activate: async (email: string) => {
      const { id } = await register(email)
      await vi.waitFor(() => expect(provider.inbox(email)).toHaveLength(1), PATIENT)
      const code = codeIn(provider.inbox(email)[0])
      const answer = await ask(`/v1/users/${id}/activation`, post({ code }, { authorization: basic(email) }))
      expect(answer.status).toBe(200)
      return readUser(answer)
    },

    changePassword: (email: string, password: string) =>
      ask('/v1/account/password', {
        method: 'PUT',
        headers: { authorization: basic(email), 'content-type': 'application/json' },
        body: JSON.stringify({ password }),
      }),

    deleteAccount: (email: string, password: string) =>
      ask('/v1/account', { method: 'DELETE', headers: { authorization: basic(email, password) } }),
  }
}

/** The jobs of events on the worker's dashboard. */
const jobsOf = async (worker: TestProgram, status: string) => {
  const answer = await fetch(`${worker.opsUrl}/dashboard/api/queues?activeQueue=webhook&status=${status}&page=1`, {
    headers: { authorization: `Basic ${btoa('ops:ops')}` },
  })
  const { queues } = v.parse(board, await answer.json())
  return queues.find(({ name }) => name === 'webhook')?.jobs ?? []
}

export type EventStage = Awaited<ReturnType<typeof setEventStage>>
