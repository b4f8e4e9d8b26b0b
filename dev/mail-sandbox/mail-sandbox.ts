import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { isPlainTarget } from '../../src/core/process/http/request-target.ts'
import { createAnnouncements } from './announcements.ts'
import { createApp } from './app.ts'
import { createFaults } from './faults/faults.ts'
import { createInbox } from './inbox/inbox.ts'
import { createListener } from './listener.ts'
import { createReports, type EventsTarget } from './provider/reports.ts'
import { refusal } from './refusal.ts'
import { createToldEvents } from './webhook/told-events.ts'

export type MailSandbox = { url: string; close(): Promise<void> }

export type MailSandboxOptions = {
  port: number
  host: string
  apiKey: string
  /** Where a browser finds the public API, for the sign-up page. */
  apiUrl?: string | undefined
  /** Where the service takes the provider's events; without it none are sent. */
  events?: EventsTarget | undefined
  /** What the service signs its own events with; without it they are not taken. */
  webhookSecret?: string | undefined
}

/**
 * A mail provider for development: takes mails in Resend's wire format, shows them on a page and fails on demand.
 * Resolves once it listens (port 0: any free port) and rejects when it cannot.
 */
export async function startMailSandbox(options: MailSandboxOptions): Promise<MailSandbox> {
  const server = createServer()
  const listener = createListener(server, options.host)
  const announcements = createAnnouncements()
  const inbox = createInbox(announcements.announce)
  const faults = createFaults(announcements.announce)
  const reports = createReports(options.events ?? null, inbox)
  const told = createToldEvents(options.webhookSecret, announcements.announce)
  const refuse = async (seconds: number) => {
    await listener.refuse(seconds)
    faults.end()
  }
  const { apiKey, apiUrl = 'http://localhost:3000' } = options
  const app = createApp({ apiKey, apiUrl: new URL(apiUrl).origin, inbox, faults, announcements, reports, told, refuse })
  // The sandbox lives inside other processes and leaves their global Request and Response alone.
  const fetch: Parameters<typeof getRequestListener>[0] = (request, env) =>
    isPlainTarget(env.incoming.url ?? '') ? app.fetch(request, env) : notPlain()
  server.on('request', getRequestListener(fetch, { overrideGlobalObjects: false, errorHandler: notPlain }))
  const port = await listener.open(options.port)
  const close = () => {
    reports?.close()
    return listener.close()
  }
  return { url: `http://${urlHost(options.host)}:${port}`, close }
}

function notPlain() {
  return refusal(400, 'validation_error', 'The path has other spellings.')
}

function urlHost(host: string) {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
