import type { Hono } from 'hono'
import type { ApiEnv } from '../../../../src/api/context.ts'
import { from } from '../../../api/api-client.ts'
import { readProblem } from '../../../support/answers.ts'
import { basic } from '../../../support/api.ts'
import type { Script } from './http-script.ts'

/** A request by its path and method; `by` are the credentials, `code` is shown in the script by where it comes from. */
type Call = {
  method: string
  path: string
  by?: { email: string; password: string }
  body?: object
  headers?: Record<string, string>
}

/** Requests to the api; `request` writes them down in the script. */
export const createCalls = (app: Hono<ApiEnv>, script: Script) => {
  const send = ({ method, path, by, body, headers = {} }: Call) => {
    const authorization = by && { authorization: basic(by.email, by.password) }
    const type = body && { 'content-type': 'application/json' }
    return app.request(
      path,
      { method, headers: { ...headers, ...type, ...authorization }, ...(body && { body: JSON.stringify(body) }) },
      from('192.0.2.1'),
    )
  }

  const request = async (call: Call): Promise<Response> => {
    const answer = await send(call)
    script.call(call, answer.status)
    return answer
  }

  return { send, request }
}

/** What a caller is told: the status, or the problem. */
export const told = async (answer: Response): Promise<string> => {
  if (answer.ok) return String(answer.status)
  const problem = await readProblem(answer)
  const slug = problem.type.replace('/problems/', '')
  return problem.attemptsLeft === undefined ? slug : `${slug}, ${problem.attemptsLeft} left`
}
