import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findSupplyChainFaults } from './supply-chain/find-faults.ts'
import { readAudit } from './supply-chain/read-audit.ts'

/** `node dev/check-supply-chain.ts`: versions, licences, install scripts, and known weaknesses where the registry tells of them. */
const AUDIT_LIMIT_MS = 30_000

const read = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, '..', name), 'utf8'))
const faults = findSupplyChainFaults(read('package.json'), read('package-lock.json'))

const npm = spawnSync('npm', ['audit', '--omit=dev', '--json', '--fetch-retries=0'], { timeout: AUDIT_LIMIT_MS })
const audit = readAudit(npm.stdout?.toString() ?? '')
if (audit.isPossible) faults.push(...audit.faults)
else
  process.stdout.write(
    'NOT AUDITED: this registry does not answer npm audit, so known weaknesses were not looked for here\n',
  )

for (const fault of faults) process.stderr.write(`${fault}\n`)
process.exit(faults.length === 0 ? 0 : 1)
