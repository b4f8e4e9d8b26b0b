import { inject } from 'vitest'
import type { Database } from '../../bench/soak/ledger.ts'
import { findFreePort } from '../../dev/free-port.ts'
import { docker, dockerLines } from './docker.ts'

export type System = {
  apiUrl: string
  dashboardUrl: string
  inboxUrl: string
  /** From `up`, with images that are built, until everything is healthy. */
  upSeconds: number
  compose(...args: string[]): Promise<string>
  /** The names of all containers, or of those of a service; ended ones too. */
  containers(service?: string): Promise<string[]>
  /** Asks in PostgreSQL's own container: nothing outside reaches its network. */
  database: Database
  /** Stops and forgets everything, data and secrets too. */
  down(): Promise<void>
}

/** Brings up docker-compose.yml as a newcomer does, on ports of its own; hashing is quick. Shows the logs when it fails. */
export const startSystem = async (...options: string[]): Promise<System> => {
  const [api, dashboard, inbox] = [await findFreePort(), await findFreePort(), await findFreePort()]
  const environment = { API_PORT: `${api}`, DASHBOARD_PORT: `${dashboard}`, INBOX_PORT: `${inbox}`, BCRYPT_COST: '4' }
  const project = inject('project')
  const compose = (...args: string[]) =>
    docker(['compose', '--project-name', project, '--progress', 'quiet', ...args], environment)
  const down = async () => void (await compose('down', '--volumes', '--timeout', '15'))
  const begun = performance.now()
  await compose('up', '--detach', '--wait', ...options).catch(async (error) => {
    process.stderr.write(await compose('logs', '--tail', '50'))
    await down()
    throw error
  })
  return {
    apiUrl: `http://127.0.0.1:${api}`,
    dashboardUrl: `http://127.0.0.1:${dashboard}`,
    inboxUrl: `http://127.0.0.1:${inbox}`,
    upSeconds: (performance.now() - begun) / 1000,
    compose,
    containers: (service) =>
      dockerLines(['ps', '--all', '--format', '{{.Names}}', ...only('project', project), ...only('service', service)]),
    database: {
      query: async (statement) => {
        const json = `select coalesce(json_agg(found), '[]') from (${statement}) as found`
        const psql = ['psql', '--username=latchkey', '--no-align', '--tuples-only', '--command', json]
        return { rows: JSON.parse(await compose('exec', '--no-TTY', 'postgres', ...psql)) }
      },
    },
    down,
  }
}

const only = (label: string, value: string | undefined): string[] =>
  value === undefined ? [] : ['--filter', `label=com.docker.compose.${label}=${value}`]
