import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { createKeyring } from '../core/credentials/keyring.ts'
import { createMailTexts } from '../core/mail/writing/mail-texts.ts'
import { createPool } from '../core/postgres/pool.ts'
import { readConfig } from '../core/process/config.ts'
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
import { type Command, type CommandTools, runAccountCommand } from './operators/account-command.ts'

const USAGE = `node src/worker/account.ts COMMAND [--reason TEXT]
  find ADDRESS|ID|REF                     what there is
  activate|resend|delete ID|REF|ADDRESS   an address must name one registration
  export ADDRESS                          all that is stored about a person
  export --all                            every account, for import
  import FILE                             accounts, one a line
Prints JSON lines. Needs the worker's DATABASE_URL, DATABASE_DIRECT_URL, DATABASE_SCHEMA, SECRET_KEY and WEBHOOK_URL.`

/** Does what the arguments say, and returns the exit code: 1 when nothing was done, 2 when they say nothing. */
export const runAccount = async (
  args: string[],
  environment: NodeJS.ProcessEnv,
  output: Pick<CommandTools, 'out' | 'tell'>,
): Promise<0 | 1 | 2> => {
  const given = readCommand(args)
  if (!given) {
    output.tell(USAGE)
    return 2
  }
  const { command, reason } = given
  const config = readConfig({ ...coreSettings, ...codeSettings, ...textSettings, ...eventSettings }, environment)
  const logger = createLogger('silent', 'account')
  const pool = createPool(directUrlOf(config), { max: 2, name: 'latchkey-account', logger })
  const tools = {
    ...{ pool, keyring: createKeyring(config.SECRET_KEY), surge: createGuessSurge(logger) },
    policy: { ...codePolicyOf(config), resendCooldownSeconds: 0 },
    languages: createMailTexts(textSettingsOf(config)).languages,
    operator: { who: readUser(), why: reason?.replaceAll(/\S+@\S+/g, '…@…') ?? null },
    raisesEvents: config.WEBHOOK_URL !== undefined,
    ...output,
  }
  return runAccountCommand(tools, command).finally(() => pool.end())
}

const readCommand = (args: string[]): { command: Command; reason: string | null } | null => {
  try {
    const { values, positionals } = parseArgs({
      args,
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
