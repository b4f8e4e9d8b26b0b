import { test } from 'vitest'

/**
 * Tests that get a stage of their own each, so that they may run side by side in a `describe.concurrent`. There Vitest knows only
 * by the test's own `expect` and `onTestFinished` whose they are.
 */
export const testOn = <Stage extends { close(): Promise<unknown> }>(setStage: () => Promise<Stage>) =>
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from it that this needs no other fixture
  test.extend('stage', async ({}, { onCleanup }) => {
    const stage = await setStage()
    onCleanup(async () => void (await stage.close()))
    return stage
  })
