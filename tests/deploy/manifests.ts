import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { parseAllDocuments } from 'yaml'

export const KUBERNETES = join(import.meta.dirname, '../../deploy/kubernetes')

const labels = v.record(v.string(), v.string())
const probe = v.object({ httpGet: v.object({ path: v.string(), port: v.string() }) })
const container = v.looseObject({
  name: v.string(),
  image: v.string(),
  command: v.optional(v.array(v.string())),
  ports: v.optional(v.array(v.object({ name: v.string(), containerPort: v.number() })), []),
  envFrom: v.optional(v.array(v.object({ configMapRef: v.object({ name: v.string() }) })), []),
  env: v.optional(v.array(v.object({ name: v.string(), value: v.string() })), []),
  startupProbe: v.optional(probe),
  livenessProbe: v.optional(probe),
  readinessProbe: v.optional(probe),
  lifecycle: v.optional(v.object({ preStop: v.object({ sleep: v.object({ seconds: v.number() }) }) })),
})

const pod = v.object({
  metadata: v.object({ labels }),
  spec: v.looseObject({
    serviceAccountName: v.string(),
    terminationGracePeriodSeconds: v.optional(v.number(), 30),
    containers: v.tuple([container]),
    volumes: v.tuple([v.object({ name: v.string(), secret: v.looseObject({ secretName: v.string() }) })]),
  }),
})

const resource = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({ name: v.string() }),
})
const workload = v.object({ ...resource.entries, spec: v.looseObject({ template: pod }) })

const generators = v.optional(
  v.array(
    v.looseObject({
      name: v.string(),
      literals: v.optional(v.array(v.string()), []),
      files: v.optional(v.array(v.string()), []),
    }),
  ),
  [],
)

const kustomization = v.strictObject({
  apiVersion: v.literal('kustomize.config.k8s.io/v1beta1'),
  kind: v.literal('Kustomization'),
  namespace: v.literal('latchkey'),
  labels: v.optional(v.array(v.strictObject({ pairs: labels, includeTemplates: v.boolean() }))),
  resources: v.array(v.string()),
  images: v.optional(v.array(v.strictObject({ name: v.string(), newName: v.string(), newTag: v.string() })), []),
  configMapGenerator: generators,
  secretGenerator: generators,
  generatorOptions: v.optional(v.strictObject({ labels })),
})

/** The documents of a file below deploy/kubernetes; throws what is wrong with its YAML, doubled members too. */
export const readYaml = (file: string): unknown[] =>
  parseAllDocuments(readFileSync(join(KUBERNETES, file), 'utf8')).map((document) => {
    for (const wrong of [...document.errors, ...document.warnings]) throw wrong
    return document.toJS()
  })

export const files = globSync('**/*.yaml', { cwd: KUBERNETES }).toSorted()

export const readKustomization = (folder: string) =>
  v.parse(kustomization, readYaml(join(folder, 'kustomization.yaml'))[0])

/** Everything but the kustomizations, with the file that it stands in. */
export const resources = files
  .filter((file) => !file.endsWith('kustomization.yaml'))
  .flatMap((file) => readYaml(file).map((document) => ({ file, ...v.parse(resource, document) })))

/** What runs pods, with the first container at hand. */
export const workloads = resources
  .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
  .map(({ file: _, ...one }) => v.parse(workload, one))
  .map(({ kind, metadata: { name }, spec: { template } }) => {
    const { metadata, spec } = template
    return { kind, name, labels: metadata.labels, pod: spec, container: spec.containers[0] }
  })
