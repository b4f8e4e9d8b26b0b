import { validate as deployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment'
import { validate as autoscaler } from 'kubernetes-models/_schemas/IoK8sApiAutoscalingV2HorizontalPodAutoscaler'
import { validate as job } from 'kubernetes-models/_schemas/IoK8sApiBatchV1Job'
import { validate as namespace } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Namespace'
import { validate as service } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service'
import { validate as serviceAccount } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ServiceAccount'
import { validate as networkPolicy } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy'
import { validate as disruptionBudget } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget'

const schemas = new Map<string, ((data: unknown) => boolean) & { errors?: unknown }>([
  ['apps/v1 Deployment', deployment],
  ['autoscaling/v2 HorizontalPodAutoscaler', autoscaler],
  ['batch/v1 Job', job],
  ['v1 Namespace', namespace],
  ['v1 Service', service],
  ['v1 ServiceAccount', serviceAccount],
  ['networking.k8s.io/v1 NetworkPolicy', networkPolicy],
  ['policy/v1 PodDisruptionBudget', disruptionBudget],
])

type Resource = { apiVersion: string; kind: string; [member: string]: unknown }

/** What Kubernetes' own schema says against the resource; members that it does not know are wrong too. */
export const checkResource = (resource: Resource): string[] => {
  const validate = schemas.get(`${resource.apiVersion} ${resource.kind}`)
  if (!validate) return [`no schema for ${resource.apiVersion} ${resource.kind}`]
  const unread = new Set<string>()
  const isValid = validate(watch(resource, '', unread))
  return [...(isValid ? [] : [JSON.stringify(validate.errors)]), ...[...unread].map((path) => `${path} is unknown`)]
}

/** A copy that keeps in `unread` the paths of the members that nobody has looked at: the schema asks for all that it knows. */
const watch = (value: unknown, path: string, unread: Set<string>): unknown => {
  if (Array.isArray(value)) return value.map((item, index) => watch(item, `${path}/${index}`, unread))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([name, member]) => [name, watch(member, `${path}/${name}`, unread)])
  for (const name of Object.keys(value)) unread.add(`${path}/${name}`)
  return new Proxy(Object.fromEntries(members), {
    get: (target, name) => {
      unread.delete(`${path}/${String(name)}`)
      return Reflect.get(target, name)
    },
  })
}
