import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { readUser } from '../support/answers.ts'
import { basic, PASSWORD, post } from '../support/api.ts'
import { untilServed } from '../support/until-served.ts'
import { docker } from './docker.ts'
import { readInbox } from './inbox.ts'
import { type System, startSystem } from './system.ts'

const PATIENT = { timeout: 120_000, interval: 200 }

let system: System

beforeAll(async () => {
  system = await startSystem()
  process.stdout.write(`one api, one worker: ready ${system.upSeconds.toFixed(1)} s after \`up\`\n`)
})
afterAll(async () => system?.down())

const register = async (email: string) => {
  const answer = await untilServed(() => fetch(`${system.apiUrl}/v1/users`, post({ email, password: PASSWORD })))
  expect(answer.status).toBe(202)
  return readUser(answer)
}

const codesOf = async (email: string) => (await readInbox(system.inboxUrl, email)).map((mail) => mail.code)

const activate = async (user: { id: string; email: string }) => {
  const [code] = await codesOf(user.email)
  const headers = { authorization: basic(user.email) }
  const answer = await fetch(`${system.apiUrl}/v1/users/${user.id}/activation`, post({ code }, headers))
  return (await readUser(answer)).status
}

test('a person registers, reads the code in the inbox and activates, over the published ports', async () => {
  const user = await register('ada@example.com')
  await expect.poll(() => codesOf('ada@example.com'), PATIENT).toEqual([expect.stringMatching(/^\d{4}$/)])
  expect(await activate(user)).toBe('active')
})

test("the operator's command of the worker finds a registration and activates it", async () => {
  const { id, email } = await register('helped@example.com')
  const account = async (...args: string[]) =>
    JSON.parse(await system.compose('exec', '--no-TTY', 'worker', 'node', 'src/worker/account.ts', ...args))
  expect(await account('find', email)).toMatchObject({ id, status: 'pending' })
  expect(await account('activate', id, '--reason', 'asked by phone')).toMatchObject({ id, status: 'active' })
  expect(await account('find', email)).toMatchObject({ id, status: 'active' })
})

test('while the provider answers 503 mails wait; when it is well again everybody gets one code that works', async () => {
  const tell = (method: string, fault?: unknown) =>
    fetch(`${system.inboxUrl}/faults`, { method, ...(fault !== undefined && { body: JSON.stringify(fault) }) })
  onTestFinished(async () => void (await tell('DELETE')))
  await tell('PUT', { kind: 'status', status: 503 })
  const emails = Array.from({ length: 20 }, (_, index) => `waiting${index}@example.com`)
  const users = await Promise.all(emails.map(register))
  const provider = async () => (await fetch(`${system.dashboardUrl}/readyz`)).text()
  await expect.poll(provider, PATIENT).toMatch(/degraded: \w+ fails, and one mail is tried now and then: .*503/)
  expect((await Promise.all(emails.map(codesOf))).flat()).toEqual([])
  await tell('DELETE')
  for (const user of users) {
    await expect.poll(() => codesOf(user.email), PATIENT).toEqual([expect.stringMatching(/^\d{4}$/)])
    expect(await activate(user)).toBe('active')
  }
})

test('no container can write to its root, has a capability, or is reached from another machine', async () => {
  const containers = JSON.parse(await docker(['inspect', ...(await system.containers())]))
  expect(containers).toHaveLength(8)
  for (const { Name, HostConfig } of containers) {
    expect(HostConfig, Name).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: null,
      Privileged: false,
      SecurityOpt: expect.arrayContaining([expect.stringMatching(/^no-new-privileges/)]),
    })
    expect(HostConfig.Memory, Name).toBeGreaterThan(0)
    for (const binding of Object.values(HostConfig.PortBindings ?? {}).flat())
      expect(binding, Name).toMatchObject({ HostIp: '127.0.0.1' })
  }
})

test.each(['api', 'worker'])('the %s runs as uid 1000, owns none of its files, and can make none', async (service) => {
  const inside = (...command: string[]) => system.compose('exec', '--no-TTY', service, ...command)
  expect(await inside('cat', '/proc/1/status')).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m)
  await expect(inside('touch', `/app/src/${service}/main.ts`)).rejects.toThrow('Permission denied')
  for (const file of ['/tmp/new', '/home/node/new'])
    await expect(inside('touch', file)).rejects.toThrow('Read-only file system')
})

test('everything that is told to stop ends with 0 before it is killed', async () => {
  await system.compose('stop')
  const ended = await docker(['inspect', '--format', '{{.Name}} {{.State.ExitCode}}', ...(await system.containers())])
  expect(ended.split('\n').filter((line) => !line.endsWith(' 0'))).toEqual([])
})
