import { setTimeout as sleep } from 'node:timers/promises'

/** `expiration` where they end some day. */
export type AwsCredentials = {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
  expiration?: Date | undefined
}

// Fresh ones are asked for while the former still hold.
const RENEW_BEFORE_MS = 5 * 60_000
// AWS's own clients wait for an answer for ever.
const ASK_TIMEOUT_MS = 4000

/**
 * Whose credentials sign: those of `MAIL_API_KEY` (`ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]`), or what AWS's own chain gives,
 * which is asked again before they expire; while it does not give others, the former sign for as long as they hold. Rejects within seconds
 * where there are none.
 */
export const openCredentials = (
  apiKey: string | undefined,
  region: string | undefined,
): (() => Promise<AwsCredentials>) => {
  if (apiKey !== undefined) {
    const [accessKeyId = '', secretAccessKey = '', ...token] = apiKey.split(':')
    const fixed = { accessKeyId, secretAccessKey, ...(token.length > 0 && { sessionToken: token.join(':') }) }
    return async () => fixed
  }
  let held: AwsCredentials | null = null
  let asking: Promise<AwsCredentials> | null = null
  const ask = async (): Promise<AwsCredentials> => {
    held = await Promise.race([askChain(region), timeOut()])
    return held
  }
  return async () => {
    if (held && leftMs(held) >= RENEW_BEFORE_MS) return held
    asking ??= ask().finally(() => {
      asking = null
    })
    try {
      return await asking
    } catch (error) {
      if (held && leftMs(held) > 0) return held
      throw error
    }
  }
}

const leftMs = ({ expiration }: AwsCredentials): number =>
  expiration ? expiration.getTime() - Date.now() : Number.POSITIVE_INFINITY

const timeOut = async (): Promise<never> => {
  await sleep(ASK_TIMEOUT_MS, undefined, { ref: false })
  throw new Error('AWS gives no credentials in time')
}

/** Variables, then the role of a web identity (EKS), then the container's (ECS, EKS Pod Identity); loaded only when needed. */
const askChain = async (region: string | undefined): Promise<AwsCredentials> => {
  const faults: unknown[] = []
  for (const provide of chain(region)) {
    try {
      return await provide()
    } catch (error) {
      faults.push(error)
    }
  }
  throw new AggregateError(faults, 'no AWS credentials: set MAIL_API_KEY, or give the worker a role')
}

const chain = (region: string | undefined): (() => Promise<AwsCredentials>)[] => [
  async () => (await import('@aws-sdk/credential-provider-env')).fromEnv()(),
  async () =>
    (await import('@aws-sdk/credential-provider-web-identity')).fromTokenFile({
      clientConfig: {
        ...(region !== undefined && { region }),
        requestHandler: { requestTimeout: ASK_TIMEOUT_MS, throwOnRequestTimeout: true },
      },
    })(),
  // With a limit of its own it writes a line to stderr, and waits on.
  async () => (await import('@aws-sdk/credential-provider-http')).fromHttp({ timeout: 0, maxRetries: 0 })(),
]
