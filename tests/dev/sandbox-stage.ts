import { createConnection } from 'node:net'
import * as v from 'valibot'
import { afterEach, beforeEach, expect } from 'vitest'
import { type MailSandbox, startMailSandbox } from '../../dev/mail-sandbox/mail-sandbox.ts'

export const API_KEY = 'sandbox-key'
export const mail = {
  from: 'Latchkey <no-reply@latchkey.example>',
  to: 'ada@example.com',
  subject: 'Your code',
  text: 'Hello,\n\n0421\n\nReference: K7QX',
  html: '<p>0421</p>',
}

/** Of the test that runs. */
export let sandbox: MailSandbox

/** Gives each test of the file a sandbox of its own. */
export const useMailSandbox = () => {
  beforeEach(async () => {
    sandbox = await startMailSandbox({ port: 0, host: '127.0.0.1', apiKey: API_KEY })
  })
  afterEach(() => sandbox.close())
}

export function request(path: string, init: RequestInit = {}) {
  return fetch(`${sandbox.url}${path}`, init)
}

export async function json(path: string, init: RequestInit = {}) {
  return (await request(path, init)).json()
}

export function authorized() {
  return { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/json' }
}

export function send(body: unknown, { key, signal }: { key?: string; signal?: AbortSignal } = {}) {
  const headers = key === undefined ? authorized() : { ...authorized(), 'Idempotency-Key': key }
  return request('/emails', { method: 'POST', headers, body: JSON.stringify(body), signal: signal ?? null })
}

export async function idOf(answer: Response) {
  return v.parse(v.object({ id: v.string() }), await answer.json()).id
}

export async function inbox(path = '/emails') {
  return v.parse(v.object({ data: v.array(v.looseObject({ subject: v.string() })) }), await json(path)).data
}

export async function subjects(path: string) {
  return (await inbox(path)).map(({ subject }) => subject)
}

export function setFault(fault: unknown) {
  return json('/faults', { method: 'PUT', body: JSON.stringify(fault) })
}

/** What a plain TCP connection to the sandbox meets. */
export function knock() {
  return new Promise<string>((resolve) => {
    const socket = createConnection(Number(new URL(sandbox.url).port), '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message))
  })
}

export async function openEvents() {
  const answer = await request('/events', { headers: { Accept: 'text/event-stream' } })
  expect(answer.headers.get('content-type')).toContain('text/event-stream')
  const chunks = (answer.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''

  return {
    async next() {
      while (!rest.includes('\n\n')) {
        const { value, done } = await chunks.read()
        if (done) throw new Error('the event stream has ended')
        rest += value
      }
      const [block = ''] = rest.split('\n\n', 1)
      rest = rest.slice(block.length + 2)
      const [, event, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? []
      return { event, data: JSON.parse(data) }
    },

    /** True once the server has ended the stream, properly or not. */
    async ended() {
      for (;;) {
        const { done } = await chunks.read().catch(() => ({ done: true }))
        if (done) return true
      }
    },
  }
}
