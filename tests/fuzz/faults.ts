import * as v from 'valibot'
import { problems } from '../../src/api/answers/problems.ts'
import type { RawAnswer } from '../abuse/speak.ts'
import { resolveReferences, schemaFaults } from '../api/json-schema.ts'
import { PASSWORD } from '../support/api.ts'

const documentOf = v.looseObject({
  components: v.looseObject({ schemas: v.looseObject({ User: v.unknown(), Problem: v.unknown() }) }),
})

/** The schemas that the service itself publishes. */
export type Contract = { user: unknown; problem: unknown }

export const readContract = async (url: string): Promise<Contract> => {
  const document = resolveReferences(await (await fetch(`${url}/openapi.json`)).json())
  const { User, Problem } = v.parse(documentOf, document).components.schemas
  return { user: User, problem: Problem }
}

const ALWAYS: Record<string, RegExp> = {
  'x-request-id': /^[\w.-]{1,64}$/,
  'cache-control': /^no-store$/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^no-referrer$/,
  'content-security-policy': /default-src 'none'/,
  date: /GMT$/,
}
const WITH_STATUS: Record<number, Record<string, RegExp>> = {
  401: { 'www-authenticate': /^Basic realm="[^"]+", charset="UTF-8"$/ },
  405: { allow: /^[A-Z]+(?:, [A-Z]+)*$/ },
  429: { 'retry-after': /^[1-9]\d*$/ },
  503: { 'retry-after': /^[1-9]\d*$/ },
}

/** What is wrong with an answer by the contract, one line a fault. */
export const faultsOf = (answer: RawAnswer, contract: Contract, isHead: boolean): string[] => {
  const { status, headers, body } = answer
  if (status === 100) return []
  const wanted = { ...ALWAYS, ...WITH_STATUS[status] }
  const faults = Object.entries(wanted).flatMap(([name, pattern]) =>
    pattern.test(headers[name] ?? '') ? [] : [`${status}: the header ${name} is ${headers[name]}`],
  )
  if (status === 500 || status < 200 || status > 599) faults.push(`the status is ${status}`)
  if (isHead) return faults
  return [...faults, ...(status >= 400 ? problemFaults(answer, contract) : userFaults(headers, body, contract))]
}

const problemFaults = ({ status, headers, body }: RawAnswer, contract: Contract): string[] => {
  if (headers['content-type'] !== 'application/problem+json') return [`${status}: is ${headers['content-type']}`]
  const problem = parse(body)
  const { type, ...rest } = v.parse(v.looseObject({ type: v.string() }), problem)
  const faults = schemaFaults(contract.problem, problem)
  if (body.includes(PASSWORD)) faults.push(`${status}: the password is in the answer`)
  if (!Object.hasOwn(problems, type.slice('/problems/'.length))) faults.push(`${status}: no type ${type}`)
  if (rest.status !== status) faults.push(`${status}: the problem says ${rest.status}`)
  if (rest.requestId !== headers['x-request-id']) faults.push(`${status}: the problem has another request id`)
  return faults
}

const userFaults = (headers: Record<string, string>, body: string, contract: Contract): string[] => {
  const user = headers['content-type']?.startsWith('application/json') ? parse(body) : null
  return v.is(v.looseObject({ email: v.string() }), user) ? schemaFaults(contract.user, user) : []
}

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return { type: 'no JSON' }
  }
}
