import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createAnnouncements } from './announcements.ts'
import { createApp } from './app.ts'
import { createDoor } from './door.ts'
import { createFaults } from './faults.ts'
import { createInbox } from './inbox.ts'

export type MailSandbox = { url: string; close(): Promise<void> }

/**
 * A mail provider for the desk: takes mails in Resend's wire format, shows them on a page and fails on demand.
 * Resolves once it listens (port 0: any free port) and rejects when it cannot.
 */
export async function startMailSandbox(options: { port: number; host: string; apiKey: string }): Promise<MailSandbox> {
  const server = createServer()
  const door = createDoor(server, options.host)
  const announcements = createAnnouncements()
  const inbox = createInbox(announcements.announce)
  const faults = createFaults(announcements.announce)
  const refuse = async (seconds: number) => {
    await door.refuse(seconds)
    faults.end()
  }
  const app = createApp({ apiKey: options.apiKey, inbox, faults, announcements, refuse })
  // The sandbox lives inside other processes and leaves their global Request and Response alone.
  server.on('request', getRequestListener(app.fetch, { overrideGlobalObjects: false }))
  const port = await door.open(options.port)
  return { url: `http://${urlHost(options.host)}:${port}`, close: door.close }
}

function urlHost(host: string) {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
