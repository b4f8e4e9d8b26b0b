import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backends } from '../support/backends.ts'
import { PATIENT, type Stage, setStage } from '../worker/stage.ts'
import { countOutcomes, registerCrowd } from './crowd.ts'

const MAILS = 120
// Longer than a busy machine takes for an answer of 200: one that comes too late is one more failure.
const TIMEOUT_MS = 1500
const WATCH_MS = 2000
// A pause of half a second at least between two, doubling; a second for each probe that hangs.
const MAX_PROBES_A_SECOND = 2

describe.each(backends)('a provider that is dead for everybody, with jobs on %s', (backend) => {
  let stage: Stage

  beforeEach(async () => {
    stage = await setStage(backend)
  })
  afterEach(() => stage.close())

  test.each([503, 401, 'ignore'] as const)('%s: gets a few probes, and then every mail once', async (answer) => {
    stage.provider.answerWith([], answer)
    const worker = await stage.startWorker({ delivery: { timeoutMs: TIMEOUT_MS } })
    await registerCrowd(stage, 'waiting', MAILS)
    await expect.poll(() => worker.isProviderWell(), PATIENT).toBe(false)
    // Those that were out when it closed come to their end.
    await sleep(TIMEOUT_MS)
    const before = stage.provider.requests.length
    await sleep(WATCH_MS)
    const probes = stage.provider.requests.length - before
    expect(probes).toBeLessThanOrEqual((MAX_PROBES_A_SECOND * WATCH_MS) / 1000)
    stage.provider.answerWith([], 200)
    await expect.poll(() => countOutcomes(stage), PATIENT).toEqual({ accepted: MAILS })
    expect(stage.provider.inbox()).toHaveLength(MAILS)
    await expect.poll(() => worker.isProviderWell(), PATIENT).toBe(true)
  })
})
