import type { Context, Next } from 'hono'
import { refusal } from './refusal.ts'

/** Any page open in the same browser could otherwise break the provider; tools that send no Origin are welcome. */
export async function refuseForeignOrigin(c: Context, next: Next) {
  const origin = c.req.header('origin')
  if (origin !== undefined && URL.parse(origin)?.host !== c.req.header('host')) {
    return refusal(403, 'foreign_origin', 'Only the page of the mail sandbox itself may do this from a browser.')
  }
  return next()
}
