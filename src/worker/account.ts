import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { createKeyring } from '../core/credentials/keyring.ts'
import { createMailTexts } from '../core/mail/writing/mail-texts.ts'
import { isDatabaseUnavailable } from '../core/postgres/connection/unavailable.ts'
import { createPool } from '../core/postgres/pool.ts'
import { ConfigError, readConfig } from '../core/process/config.ts'
import { createLogger } from '../core/process/logger.ts'
import {
  codePolicyOf,
  codeSettings,
  coreSettings,
  directUrlOf,
  eventSettings,
  textSettings,
  textSettingsOf,
} from '../core/process/settings.ts'
import { createGuessSurge } from '../core/registration/guess-surge.ts'
import { type Command, runAccountCommand } from './operators/account-command.ts'
import { outliveReaders } from './operators/closed-pipes.ts'

const USAGE = `node src/worker/account.ts COMMAND [--reason TEXT]
  find ADDRESS|ID|REF                     what there is
  activate|resend|delete ID|REF|ADDRESS   an address must name one registration
  export ADDRESS                          all that is stored about a person
  export --all                            every account, for import
  import FILE                             accounts, one a line
Prints JSON lines. Needs the worker's DATABASE_URL, DATABASE_DIRECT_URL, DATABASE_SCHEMA, SECRET_KEY and WEBHOOK_URL.
`
const DATABASE_AWAY = 'The database cannot be asked. Is DATABASE_URL right, and is PostgreSQL running?'

const readCommand = (): { command: Command; reason: string | null } | null => {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { all: { type: 'boolean' }, reason: { type: 'string' } },
    })
    const command = commandOf(positionals, values.all ?? false)
    return command && { command, reason: values.reason ?? null }
  } catch {
    return null
  }
}

const commandOf = ([name, wanted, ...others]: string[], all: boolean): Command | null => {
  if (name === 'export' && all && wanted === undefined) return { name: 'export-all' }
  if (!wanted || others.length > 0 || all) return null
  if (name === 'import') return { name, file: wanted }
  if (name === 'find' || name === 'export') return { name, wanted }
  if (name === 'activate' || name === 'resend' || name === 'delete') return { name, wanted }
  return null
}

/** A user of a container may have no name. */
const readUser = (): string => {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

const run = async (command: Command, reason: string | null): Promise<number> => {
  const config = readConfig({ ...coreSettings, ...codeSettings, ...textSettings, ...eventSettings }, process.env)
  const logger = createLogger('silent', 'account')
  const pool = createPool(directUrlOf(config), { max: 2, name: 'latchkey-account', logger })
  const tools = {
    ...{ pool, keyring: createKeyring(config.SECRET_KEY), surge: createGuessSurge(logger) },
    policy: { ...codePolicyOf(config), resendCooldownSeconds: 0 },
    languages: createMailTexts(textSettingsOf(config)).languages,
    operator: { who: readUser(), why: reason?.replaceAll(/\S+@\S+/g, '…@…') ?? null },
    raisesEvents: config.WEBHOOK_URL !== undefined,
    out: process.stdout,
    tell: (sentence: string) => void process.stderr.write(`${sentence}\n`),
  }
  return runAccountCommand(tools, command).finally(() => pool.end())
}

const isReaderGone = outliveReaders(process.stdout, process.stderr)
const given = readCommand()
if (!given) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await run(given.command, given.reason)
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`)
    // What could not be written to who is gone is no fault to tell of, and looks as if the database were.
    else if (isReaderGone()) process.exitCode = 1
    else if (isDatabaseUnavailable(error)) process.stderr.write(`${DATABASE_AWAY}\n`)
    else throw error
    process.exitCode = 1
  }
}
