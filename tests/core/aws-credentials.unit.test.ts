import dns from 'node:dns'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openCredentials } from '../../src/core/mail/providers/aws/credentials.ts'

beforeEach(() => {
  for (const name of Object.keys(process.env).filter((one) => one.startsWith('AWS_'))) vi.stubEnv(name, undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
})

/** Where it listens, until the test is over. */
const portOf = async (server: Server): Promise<number> => {
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

describe('MAIL_API_KEY', () => {
  test.each([
    ['AKIA:secret', { accessKeyId: 'AKIA', secretAccessKey: 'secret' }],
    ['AKIA:secret:token', { accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'token' }],
    ['AKIA:secret:to:ken', { accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'to:ken' }],
  ])('%s is whose it names', async (apiKey, credentials) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'another')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another')
    expect(await openCredentials(apiKey, undefined)()).toEqual(credentials)
  })
})

describe('without it', () => {
  test('there are those of the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIA')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    const credentials = openCredentials(undefined, undefined)
    expect(await credentials()).toMatchObject({ accessKeyId: 'AKIA', secretAccessKey: 'secret' })
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'another')
    expect(await credentials()).toMatchObject({ accessKeyId: 'AKIA' })
  })

  test('those that end are asked for again five minutes before', async () => {
    const now = Date.parse('2026-01-01T00:00:00Z')
    vi.useFakeTimers({ now, toFake: ['Date'] })
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'first')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', '2026-01-01T01:00:00Z')
    const credentials = openCredentials(undefined, undefined)
    expect(await credentials()).toMatchObject({ accessKeyId: 'first' })
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'second')
    vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', '2026-01-01T02:00:00Z')
    vi.setSystemTime(now + 55 * 60_000)
    expect(await credentials()).toMatchObject({ accessKeyId: 'first' })
    vi.setSystemTime(now + 55 * 60_000 + 1)
    expect(await credentials()).toMatchObject({ accessKeyId: 'second' })
  })

  test('a web identity is exchanged in the region of the mails', async () => {
    const file = join(tmpdir(), `latchkey-token-${process.pid}`)
    writeFileSync(file, 'a-token')
    onTestFinished(() => rmSync(file))
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', file)
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::1:role/worker')
    const asked: string[] = []
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation((name: string, ...rest: unknown[]) => {
      asked.push(name)
      const done = rest.at(-1)
      if (typeof done === 'function') done(Object.assign(new Error('nowhere'), { code: 'ENOTFOUND' }))
    })
    try {
      await expect(openCredentials(undefined, 'eu-central-1')()).rejects.toThrow(AggregateError)
    } finally {
      lookup.mockRestore()
    }
    expect(new Set(asked)).toEqual(new Set(['sts.eu-central-1.amazonaws.com']))
  })

  test('there are those of the container, after a web identity that cannot be read', async () => {
    const server = createServer((_request, response) => {
      const given = {
        AccessKeyId: 'container',
        SecretAccessKey: 'secret',
        Token: 'token',
        Expiration: '2099-01-01T00:00:00Z',
      }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(given))
    }).listen(0, '127.0.0.1')
    const port = await portOf(server)
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', '/nowhere/token')
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::1:role/worker')
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/`)
    expect(await openCredentials(undefined, 'eu-central-1')()).toMatchObject({
      ...{ accessKeyId: 'container', sessionToken: 'token', expiration: new Date('2099-01-01T00:00:00Z') },
    })
  })

  test.each([
    {
      of: 'a web identity',
      variables: (url: string) => ({
        AWS_WEB_IDENTITY_TOKEN_FILE: import.meta.filename,
        AWS_ROLE_ARN: 'arn:aws:iam::1:role/worker',
        AWS_ENDPOINT_URL_STS: url,
      }),
    },
    { of: 'the container', variables: (url: string) => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url }) },
  ])('who is silent about those of $of is asked again the next time, and stderr stays empty', async ({ variables }) => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    onTestFinished(() => warn.mockRestore())
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    const port = await portOf(server)
    for (const [name, value] of Object.entries(variables(`http://127.0.0.1:${port}/`))) vi.stubEnv(name, value)
    const credentials = openCredentials(undefined, 'eu-central-1')
    const [one, other] = await Promise.allSettled([credentials(), credentials()])
    expect([one.status, other.status]).toEqual(['rejected', 'rejected'])
    expect(warn).not.toHaveBeenCalled()
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'late')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    expect(await credentials()).toMatchObject({ accessKeyId: 'late' })
  })

  test('those that still hold sign while there are no others', async () => {
    const now = Date.parse('2026-01-01T00:00:00Z')
    vi.useFakeTimers({ now, toFake: ['Date'] })
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'first')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', '2026-01-01T01:00:00Z')
    const credentials = openCredentials(undefined, 'eu-central-1')
    await credentials()
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    vi.setSystemTime(now + 58 * 60_000)
    expect(await credentials()).toMatchObject({ accessKeyId: 'first' })
    vi.setSystemTime(now + 60 * 60_000)
    await expect(credentials()).rejects.toThrow(AggregateError)
  })

  test('there are none, and they are asked for again the next time', async () => {
    const credentials = openCredentials(undefined, 'eu-central-1')
    const fault = await credentials().catch((error: unknown) => error)
    expect(fault).toBeInstanceOf(AggregateError)
    expect(fault instanceof AggregateError && fault.errors.map((error) => error.name)).toEqual(
      Array.from({ length: 3 }, () => 'CredentialsProviderError'),
    )
    expect(String(fault)).toContain('no AWS credentials: set MAIL_API_KEY, or give the worker a role')
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'late')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    expect(await credentials()).toMatchObject({ accessKeyId: 'late' })
  })
})
