import * as v from 'valibot'

/** Resend's error format. */
export function refusal(statusCode: number, name: string, message: string, headers: Record<string, string> = {}) {
  return Response.json({ statusCode, name, message }, { status: statusCode, headers })
}

export function invalid(issues: [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]) {
  const message = issues.map((issue) => [v.getDotPath(issue), issue.message].filter(Boolean).join(': ')).join('; ')
  return refusal(422, 'validation_error', message)
}

export function notJson() {
  return refusal(400, 'validation_error', 'The request body is not JSON.')
}
