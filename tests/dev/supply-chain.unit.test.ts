import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findSupplyChainFaults, type Lock, type Manifest, packagesOf } from '../../dev/supply-chain/find-faults.ts'
import { readAudit } from '../../dev/supply-chain/read-audit.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'))
const ours: { manifest: Manifest; lock: Lock } = { manifest: read('package.json'), lock: read('package-lock.json') }

test('every package has an exact version and a known licence, and production needs no install script', () => {
  expect(packagesOf(ours.lock).length).toBeGreaterThan(100)
  expect(findSupplyChainFaults(ours.manifest, ours.lock)).toEqual([])
})

const NOTHING: Manifest = { dependencies: {}, devDependencies: {}, allowScripts: {} }
const lockOf = (name: string, locked: Lock['packages'][string]): Lock => ({
  packages: {
    '': {},
    [`node_modules/a/node_modules/${name}`]: { version: '1.0.0', license: 'MIT', integrity: 'sha512-x', ...locked },
  },
})

test.each(['^1.0.0', '~1.0.0', '1.0', '*', 'latest', '>=1.0.0', '1.0.0 || 2.0.0', 'github:b/b'])(
  'the version %s is a fault',
  (version) => {
    const lock = lockOf('b', {})
    expect(findSupplyChainFaults({ ...NOTHING, dependencies: { b: version } }, lock)).toHaveLength(1)
    expect(findSupplyChainFaults({ ...NOTHING, devDependencies: { b: version } }, lock)).toHaveLength(1)
  },
)

test('a licence that nobody has looked at is a fault, and one of a tool is none of production', () => {
  const licence = (license: string | undefined, dev: boolean) =>
    findSupplyChainFaults(NOTHING, {
      packages: { 'node_modules/@b/b': { integrity: 'sha512-x', ...(license && { license }), dev } },
    })
  expect(licence('GPL-3.0-only', false)).toEqual(['@b/b has the licence GPL-3.0-only, which nobody has looked at'])
  expect(licence('GPL-3.0-only', true)).toHaveLength(1)
  expect(licence(undefined, true)).toHaveLength(1)
  expect(licence('MPL-2.0', false)).toHaveLength(1)
  expect(licence('MPL-2.0', true)).toEqual([])
  expect(licence('Apache-2.0', false)).toEqual([])
})

test('a package without a checksum is a fault', () => {
  const faults = findSupplyChainFaults(NOTHING, {
    packages: { 'node_modules/b': { version: '1.0.0', license: 'MIT' } },
  })
  expect(faults).toEqual([expect.stringContaining('b@1.0.0 has no checksum')])
})

test('an install script in production is a fault unless it is refused by name', () => {
  const lock = lockOf('b', { hasInstallScript: true })
  expect(findSupplyChainFaults(NOTHING, lock)).toHaveLength(1)
  expect(findSupplyChainFaults({ ...NOTHING, allowScripts: { b: true } }, lock)).toHaveLength(1)
  expect(findSupplyChainFaults({ ...NOTHING, allowScripts: { b: false } }, lock)).toEqual([])
  expect(findSupplyChainFaults(NOTHING, lockOf('b', { hasInstallScript: true, dev: true }))).toEqual([])
})

test('an audit that found something serious is a fault, and one that was not possible is not taken for a clean one', () => {
  const audit = (severity: string) =>
    readAudit(JSON.stringify({ auditReportVersion: 2, vulnerabilities: { b: { name: 'b', severity, via: [] } } }))
  for (const severity of ['high', 'critical'])
    expect(audit(severity)).toMatchObject({ faults: [expect.stringContaining(severity)] })
  for (const severity of ['low', 'moderate']) expect(audit(severity)).toEqual({ isPossible: true, faults: [] })
  for (const output of ['', 'npm error', '{"message":"405 Method Not Allowed","statusCode":405}'])
    expect(readAudit(output)).toEqual({ isPossible: false })
})

test('the bill of materials is CycloneDX and names every package of the lock file, and which of them are production', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sbom-'))
  const file = join(folder, 'sbom.cdx.json')
  const made = spawnSync('make', ['--silent', 'sbom', `SBOM=${file}`], { cwd: ROOT, encoding: 'utf8' })
  expect([made.status, made.stdout]).toEqual([0, ''])
  const sbom: { bomFormat: string; components: { name: string; version: string; properties: { name: string }[] }[] } =
    JSON.parse(readFileSync(file, 'utf8'))
  rmSync(folder, { recursive: true })
  expect(sbom.bomFormat).toBe('CycloneDX')
  const isTool = ({ properties }: (typeof sbom.components)[number]) =>
    properties.some(({ name }) => name === 'cdx:npm:package:development')
  const listed = sbom.components.map((part) => `${part.name}@${part.version} ${isTool(part)}`)
  const locked = packagesOf(ours.lock).map(([name, { version, dev }]) => `${name}@${version} ${dev ?? false}`)
  expect(new Set(listed)).toEqual(new Set(locked))
})
