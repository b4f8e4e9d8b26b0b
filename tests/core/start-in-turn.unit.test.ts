import { expect, test } from 'vitest'
import { startInTurn } from '../../src/core/process/start-in-turn.ts'

const partsInTurn = (names: string[]) => {
  const seen: string[] = []
  const begun = names.map(() => Promise.withResolvers<void>())
  const ready = names.map(() => Promise.withResolvers<void>())
  async function* start() {
    for (const [index, name] of names.entries()) {
      seen.push(`${name} begins`)
      begun[index]?.resolve()
      await ready[index]?.promise
      yield { name, close: async () => void seen.push(`${name} closed`) }
    }
  }
  return { seen, begun, ready, starting: start() }
}

test('gives what was started, and closes each once', async () => {
  const { seen, ready, starting } = partsInTurn(['mails', 'housekeeping'])
  for (const one of ready) one.resolve()
  const running = startInTurn(starting)
  expect((await running.started).map(({ name }) => name)).toEqual(['mails', 'housekeeping'])
  await running.close()
  expect(seen).toEqual(['mails begins', 'housekeeping begins', 'mails closed', 'housekeeping closed'])
})

// A worker that nobody closes keeps its connection, and the pool waits for that until the process is ended by force.
test('closes also what was being started when it was told to close, and starts nothing after it', async () => {
  const { seen, begun, ready, starting } = partsInTurn(['mails', 'housekeeping', 'never'])
  const running = startInTurn(starting)
  ready[0]?.resolve()
  await begun[1]?.promise
  const closed = running.close()
  expect(seen).toEqual(['mails begins', 'housekeeping begins', 'mails closed'])
  ready[1]?.resolve()
  await closed
  expect(seen.slice(3)).toEqual(['housekeeping closed'])
})

test('tells of a part that did not start', async () => {
  const { ready, starting } = partsInTurn(['mails'])
  ready[0]?.reject(new Error('away'))
  await expect(startInTurn(starting).started).rejects.toThrow('away')
})
