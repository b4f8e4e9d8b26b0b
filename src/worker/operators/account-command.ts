import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { exportAccounts } from '../../core/account/export-accounts.ts'
import { importAccounts } from '../../core/account/import-accounts.ts'
import {
  activateRegistration,
  type Operator,
  type Refusal,
  removeRegistration,
  resendToRegistration,
} from '../../core/account/support-acts.ts'
import { parseEmailAddress } from '../../core/credentials/email-address.ts'
import type { EventTools } from '../../core/events/raise-event.ts'
import type { Languages } from '../../core/mail/writing/languages.ts'
import { insertAuditRow } from '../../core/postgres/accounts/audit.ts'
import { findBelongings, findRegistrations, type Registration } from '../../core/postgres/accounts/support.ts'
import { UNLIMITED } from '../../core/postgres/rate-limits.ts'
import type { ResendTools } from '../../core/registration/resend-code.ts'
import { readStatus } from '../../core/registration/status.ts'

export type CommandTools = ResendTools &
  EventTools & { operator: Operator; languages: Languages; out: Output; tell: Tell }

type Output = NodeJS.WritableStream
type Tell = (sentence: string) => void

export type Command =
  | { name: 'find' | 'export' | Act; wanted: string }
  | { name: 'export-all' }
  | { name: 'import'; file: string }

export type Act = 'activate' | 'resend' | 'delete'

const REFUSALS = {
  gone: 'The registration is gone.',
  'already-active': 'The registration is active already.',
  'address-active-elsewhere': 'The address is active through another registration.',
  'already-on-its-way': 'The former mail still waits to leave: there is nothing to resend.',
} satisfies Record<Refusal, string>

/** Does it, prints JSON lines, and returns the exit code: 1 when nothing was done, after one sentence on stderr. */
export const runAccountCommand = async (tools: CommandTools, command: Command): Promise<0 | 1> => {
  if (command.name === 'export-all') return exportAll(tools)
  if (command.name === 'import') return importFile(tools, command.file)
  const email = parseEmailAddress(command.wanted)
  if (command.name === 'export' && email === null) return refuse(tools, 'This is no e-mail address.')
  const found = await findRegistrations(tools.pool, command.wanted, email)
  const [first, ...others] = found
  if (!first) return refuse(tools, 'There is no registration with this address, id or reference.')
  if (command.name === 'find') return tellAll(tools, found)
  if (command.name === 'export') return exportAddress(tools, found)
  if (others.length > 0) return refuse(tools, `This names ${found.length} registrations: give an id that find tells.`)
  return act(tools, command.name, first)
}

const refuse = (tools: CommandTools, sentence: string): 1 => {
  tools.tell(sentence)
  return 1
}

const print = (tools: CommandTools, value: unknown): void => void tools.out.write(`${JSON.stringify(value)}\n`)

const auditReading = (tools: CommandTools, what: string, found: Registration[]): Promise<void> =>
  insertAuditRow(tools.pool, { ...tools.operator, what, userIds: found.map(({ id }) => id) })

const tellAll = async (tools: CommandTools, found: Registration[]): Promise<0> => {
  await auditReading(tools, 'find', found)
  for (const user of found) print(tools, await readStatus(tools, { user, logins: UNLIMITED }))
  return 0
}

const exportAddress = async (tools: CommandTools, found: Registration[]): Promise<0> => {
  await auditReading(tools, 'export', found)
  for (const registration of found)
    print(tools, { ...registration, ...(await findBelongings(tools.pool, registration.id)) })
  return 0
}

const act = async (tools: CommandTools, name: Act, user: Registration): Promise<0 | 1> => {
  const { id, ref } = user
  const done = await perform(tools, name, user)
  if (!isDone(done)) return refuse(tools, REFUSALS[done])
  print(tools, done === 'deleted' ? { id, ref, status: done } : await readStatus(tools, { user, logins: UNLIMITED }))
  return 0
}

type Done = 'activated' | 'resent' | 'deleted'

const isDone = (done: Done | Refusal): done is Done => done === 'activated' || done === 'resent' || done === 'deleted'

const perform = (tools: CommandTools, name: Act, user: Registration): Promise<Done | Refusal> => {
  switch (name) {
    case 'activate':
      return activateRegistration(tools, user.id)
    case 'resend':
      return resendToRegistration(tools, user)
    case 'delete':
      return removeRegistration(tools, user.id)
  }
}

const exportAll = async (tools: CommandTools): Promise<0> => {
  await auditReading(tools, 'export --all', [])
  await pipeline(Readable.from(exportAccounts(tools)), tools.out, { end: false })
  return 0
}

const importFile = async (tools: CommandTools, file: string): Promise<0 | 1> => {
  const input = createReadStream(file)
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  // The interface tells of a file that cannot be read in ways of its own, or not at all.
  const unreadable = new Promise<'unreadable'>((resolve) => input.once('error', () => resolve('unreadable')))
  const importing = importAccounts(tools, {
    lines,
    fault: (line, fault) => tools.tell(`line ${line}: ${fault}`),
    progress: (counts) => print(tools, { progress: true, ...counts }),
  })
  const ended = await Promise.race([unreadable, importing]).catch((error: unknown) => {
    if (input.errored) return 'unreadable'
    throw error
  })
  if (ended === 'unreadable') return refuse(tools, 'The file cannot be read.')
  await insertAuditRow(tools.pool, { ...tools.operator, what: 'import', userIds: [] })
  print(tools, ended)
  return 0
}
