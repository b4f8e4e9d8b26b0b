/** `expiration` where they end some day. */
export type AwsCredentials = {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string | undefined
  expiration?: Date | undefined
}

// Fresh ones are asked for while the former still hold.
const RENEW_BEFORE_MS = 5 * 60_000

/**
 * Whose credentials sign: those of `MAIL_API_KEY` (`ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]`), or what AWS's own chain gives,
 * which is asked again before they expire.
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
  let known: Promise<AwsCredentials> | null = null
  return async () => {
    const held = await known?.catch(() => null)
    if (!held || (held.expiration && held.expiration.getTime() - Date.now() < RENEW_BEFORE_MS)) known = askChain(region)
    return known ?? askChain(region)
  }
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
      ...(region !== undefined && { clientConfig: { region } }),
    })(),
  async () => (await import('@aws-sdk/credential-provider-http')).fromHttp({})(),
]
