import { randomUUID } from 'node:crypto'
import { PASSWORD } from '../support/api.ts'
import type { Service } from './service.ts'
import { postOf, type RawAnswer, speak } from './speak.ts'

// The networks of the loopback are networks like others: each case has some of its own, and a limit of two.
export const LIMITS = {
  LIMIT_REGISTRATIONS_PER_NET: '2/1h,10/24h',
  LIMIT_WRONG_CODES_PER_NET: '2/1h',
  LIMIT_MAILS_PER_MAILBOX: '4/1h',
  LIMIT_FAILED_LOGINS_PER_USER: '2/1h',
  LIMIT_FAILED_LOGINS_PER_NET: '3/1h',
}

export type From = { localAddress?: string; headers?: string[] }

/** The one answer to these bytes. */
export const say = async (service: Service, bytes: string | Buffer, localAddress = '127.0.0.1'): Promise<RawAnswer> => {
  const { answers } = await speak(service.url, bytes, { localAddress })
  const [answer] = answers
  if (!answer) throw new Error('no answer')
  return answer
}

export const register = (
  service: Service,
  { localAddress, headers = [] }: From = {},
  email = `${randomUUID()}@example.com`,
) => say(service, postOf('/v1/users', JSON.stringify({ email, password: PASSWORD }), ...headers), localAddress)

export const statusesOf = async (service: Service, froms: From[]) => {
  const statuses: number[] = []
  for (const from of froms) statuses.push((await register(service, from)).status)
  return statuses
}
