import { readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { createOpsApp } from '../../src/core/process/http/ops-app.ts'
import { createRegistry } from '../../src/core/process/telemetry/registry.ts'
import { namesReadBy } from '../support/names-read-by.ts'
import { checkResource } from './check-resource.ts'
import { files, KUBERNETES, readKustomization, resources, workloads } from './manifests.ts'
import { configure, programNames, programs, secretsOf } from './programs.ts'

const DRAIN_SECONDS = 10
const NAME = 'app.kubernetes.io/name'

const [base, overlay] = [readKustomization('base'), readKustomization('overlays/example')]
const { version } = v.parse(
  v.object({ version: v.string() }),
  JSON.parse(readFileSync(join(KUBERNETES, '../../package.json'), 'utf8')),
)

const workload = (name: string) => {
  const found = workloads.find((one) => one.name === name)
  if (!found) throw new Error(`there is no ${name}`)
  return found
}

/** The values of all members of this name, however deep they stand. */
const membersNamed = (name: string, value: unknown): unknown[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, member]) => [
        ...(key === name ? [member] : []),
        ...membersNamed(name, member),
      ])
    : []

/** What the pod's process gets, with the values that the overlay merges in. */
const environmentOf = (name: string): Record<string, string> => {
  const { env, envFrom } = workload(name).container
  const literals = [...base.configMapGenerator, ...overlay.configMapGenerator]
    .filter((map) => envFrom.some(({ configMapRef }) => configMapRef.name === map.name))
    .flatMap((map) => map.literals.map((literal) => literal.split(/=(.*)/s)))
  return { ...Object.fromEntries(literals), ...Object.fromEntries(env.map((one) => [one.name, one.value])) }
}

describe('the files', () => {
  test('each resource that a kustomization names is there, and each file is named', () => {
    const named = ['base', 'overlays/example'].flatMap((folder) =>
      readKustomization(folder).resources.map((path) => normalize(join(folder, path))),
    )
    const there = files.map((file) => (basename(file) === 'kustomization.yaml' ? dirname(file) : file))
    expect(named.toSorted()).toEqual(there.filter((path) => path !== 'overlays/example').toSorted())
  })

  test.each(resources)('$kind $metadata.name fits the schema of Kubernetes', ({ file: _, ...resource }) => {
    expect(checkResource(resource)).toEqual([])
  })

  test('a wrong value and an unknown member do not fit, wherever they stand', () => {
    const containers = [{ name: 'a', imagee: 'a', resources: { requests: { memory: '1 GB' } } }]
    const spec = { selector: { matchLabels: { any: 'label' } }, template: { spec: { containers } } }
    const wrong = checkResource({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { labels: { a: 'b' } }, spec })
    expect(wrong).toHaveLength(2)
    expect(wrong[0]).toContain('/spec/template/spec/containers/0/resources/requests/memory')
    expect(wrong[1]).toBe('/spec/template/spec/containers/0/imagee is unknown')
    expect(checkResource({ apiVersion: 'apps/v1', kind: 'Deploymnt' })).toEqual(['no schema for apps/v1 Deploymnt'])
  })

  test('images are those of this release', () => {
    const images = workloads.map(({ container }) => container.image)
    expect(new Set(images)).toEqual(new Set([`latchkey-api:${version}`, `latchkey-worker:${version}`]))
    expect(overlay.images.map(({ name, newTag }) => `${name}:${newTag}`).toSorted()).toEqual(
      [...new Set(images)].toSorted(),
    )
  })
})

describe('what points at something else finds it', () => {
  test('a pod is called after what makes it, and each selector asks for such a name', () => {
    for (const { name, labels } of workloads) expect(labels[NAME]).toBe(name)
    const asked = [...membersNamed(NAME, resources), ...membersNamed('values', resources).flat()]
    expect(asked.length).toBeGreaterThan(15)
    expect(asked.filter((name) => !workloads.some((one) => one.name === name))).toEqual([])
  })

  test('each port that is named is one of a container', () => {
    const ports = new Set(workloads.flatMap(({ container }) => container.ports.map(({ name }) => name)))
    const asked = ['port', 'targetPort'].flatMap((member) => membersNamed(member, resources))
    expect(new Set(asked.filter((port) => typeof port === 'string'))).toEqual(ports)
  })

  test.each(programNames)(
    'the accounts, maps and secrets of %s are there, each file is read, and no other is mounted',
    (name) => {
      const { pod, container } = workload(name)
      const there = (kind: string) => resources.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name)
      expect(there('ServiceAccount')).toContain(pod.serviceAccountName)
      const maps = base.configMapGenerator.map((map) => map.name)
      expect(maps).toEqual(expect.arrayContaining(container.envFrom.map(({ configMapRef }) => configMapRef.name)))
      const secret = overlay.secretGenerator.find((one) => one.name === pod.volumes[0].secret.secretName)
      expect(secret?.files.map((file) => basename(file)).toSorted()).toEqual(secretsOf(environmentOf(name)).toSorted())
    },
  )
})

describe.each(programNames)('the pods of %s', (name) => {
  const { pod, container } = workload(name)

  test('get variables that it knows, with values that it takes, and all that it needs', () => {
    const known = namesReadBy(programs[name])
    expect(Object.keys(environmentOf(name)).filter((variable) => !known.has(variable))).toEqual([])
    expect(() => configure(name, environmentOf(name))).not.toThrow()
  })

  test('have no right that it does not need', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
    expect(container).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      resources: {
        requests: { cpu: expect.any(String), memory: expect.any(String) },
        limits: { memory: expect.any(String) },
      },
    })
  })

  test('have time to drain before they are killed', () => {
    const lingers = container.lifecycle?.preStop.sleep.seconds ?? 0
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(lingers + DRAIN_SECONDS)
  })
})

describe.each(['api', 'worker'] as const)('the port of operators of %s', (name) => {
  const { container } = workload(name)

  test('is where the program listens when nothing else is said', () => {
    const ports = container.ports.map((port) => [port.name === 'http' ? 'PORT' : 'OPS_PORT', port.containerPort])
    expect(ports).toHaveLength(name === 'api' ? 2 : 1)
    expect(configure(name, environmentOf(name))).toMatchObject(Object.fromEntries(ports))
  })

  test('is asked for health there, at addresses that answer', async () => {
    const { startupProbe, livenessProbe, readinessProbe } = container
    expect(startupProbe).toEqual({ httpGet: { path: '/livez', port: 'ops' } })
    expect(livenessProbe).toEqual(startupProbe)
    expect(readinessProbe).toEqual({ httpGet: { path: '/readyz', port: 'ops' } })
    const app = createOpsApp(async () => ({}), createRegistry())
    for (const probe of [startupProbe, readinessProbe])
      expect((await app.request(probe?.httpGet.path ?? '')).status).toBe(200)
  })
})
