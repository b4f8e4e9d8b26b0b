import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { backends } from '../support/backends.ts'
import { type Stage, setStage } from '../worker/stage.ts'
import { startChoosyProvider } from './choosy-provider.ts'

const POISON = 'poison@example.com'

describe.each(backends)('a mail that the provider never takes, with jobs on %s', (backend) => {
  let stage: Stage

  beforeEach(async () => {
    stage = await setStage(backend)
  })
  afterEach(() => stage.close())

  test('stops nobody: who registers while it is tried gets the mail at once', async () => {
    const provider = await startChoosyProvider((to) => (to === POISON ? 500 : 200))
    onTestFinished(provider.close)
    const worker = await stage.startWorker({ mailUrl: provider.url })
    const tries = () => provider.requests.filter((request) => request.to === POISON).length
    const poison = await stage.register(POISON)
    const waits: number[] = []
    for (let index = 0; tries() < 3; index += 1) {
      const begun = Date.now()
      const user = await stage.register(`good${index}@example.com`)
      await expect.poll(() => provider.taken().some((request) => request.to === user.email)).toBe(true)
      waits.push(Date.now() - begun)
    }
    expect(Math.max(...waits)).toBeLessThan(2000)
    await expect.poll(() => worker.isProviderWell()).toBe(true)
    expect(await stage.outcomeOf(poison.mailId)).toBeNull()
  })
})
