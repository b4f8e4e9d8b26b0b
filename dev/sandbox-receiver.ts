import { randomBytes } from 'node:crypto'

/**
 * Where the service tells its events: the sandbox, unless `WEBHOOK_URL` is set already. `secret` is what the sandbox verifies by; each run
 * has its own, as an event is signed when it is told.
 */
export function sandboxReceiver(given: NodeJS.ProcessEnv) {
  if (given.WEBHOOK_URL) return { secret: undefined, environmentAt: () => ({}) }
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  return {
    secret,
    environmentAt: (sandboxUrl: string) => ({ WEBHOOK_URL: `${sandboxUrl}/webhook`, WEBHOOK_SECRET: secret }),
  }
}
