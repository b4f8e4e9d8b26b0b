import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import * as v from 'valibot'
import { listen, openSocket } from '../abuse/speak.ts'
import { codeIn, type ReceivedMail } from '../support/mail-provider.ts'
import { cook, type Person } from './cook.ts'
import { type Contract, faultsOf, readContract } from './faults.ts'
import { type Recipe, recipes } from './recipes.ts'

// What the service waits for nobody sends: a wrong length or a missing end.
const PATIENCE_MS = 1000
const AT_ONCE = 32
const BATCH = 400
const MAX_FAULTS = 10

export type Target = { url: string; inbox(email: string): ReceivedMail[] }

/** `unanswered` counts requests of which the service waits for the rest, and connections that it, or we, ended. */
export type Report = { sent: number; unanswered: number; statuses: Record<string, number>; faults: string[] }

/**
 * Throws requests at a started service, valid and malformed ones alternately, until `isOver` or ten faults. The requests are
 * those of the seed; how they interleave is the machine's.
 */
export const fuzz = async (target: Target, seed: number, isOver: (report: Report) => boolean): Promise<Report> => {
  const contract = await readContract(target.url)
  const report: Report = { sent: 0, unanswered: 0, statuses: {}, faults: [] }
  const people: Person[] = [{ id: 'nobody', email: 'nobody@example.com', password: 'nobody', code: '0000' }]
  const isDone = () => isOver(report) || report.faults.length >= MAX_FAULTS
  for (let batch = 0; !isDone(); batch += 1) {
    const queue = fc.sample(recipes, { seed: seed + batch, numRuns: BATCH })
    const work = async (): Promise<void> => {
      for (let recipe = queue.pop(); recipe && !isDone(); recipe = queue.pop())
        await serve(recipe, { target, contract, people, report })
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }
  return report
}

type Place = { target: Target; contract: Contract; people: Person[]; report: Report }

const serve = async (recipe: Recipe, { target, contract, people, report }: Place): Promise<void> => {
  const person = choose(recipe, people, target)
  const bytes = cook(recipe, person)
  const isHead = bytes.subarray(0, 5).toString() === 'HEAD '
  report.sent += 1
  const answers = await send(target.url, bytes, recipe, isHead)
  if (answers.length === 0) report.unanswered += 1
  for (const answer of answers) {
    report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1
    const faults = faultsOf(answer, contract, isHead)
    report.faults.push(...faults.map((fault) => `${fault}\n    after ${JSON.stringify(bytes.toString('latin1'))}`))
    if (answer.status === 202) remember(answer.body, recipe, people)
  }
}

/** One of the people, with the newest code that was mailed to the address. */
const choose = (recipe: Recipe, people: Person[], target: Target): Person => {
  const person = people[people.length - 1 - (recipe.person % Math.min(people.length, 50))] ?? people[0]
  if (!person) throw new Error('there is nobody')
  return { ...person, code: codeIn(target.inbox(person.email).at(-1)) || person.code }
}

const send = async (url: string, bytes: Buffer, { parted, ending }: Recipe, isHead: boolean) => {
  const socket = await openSocket(url)
  const heard = listen(socket, 1, isHead)
  const cut = Math.floor(parted * bytes.length)
  socket.write(bytes.subarray(0, cut))
  if (cut < bytes.length) {
    await sleep(1)
    socket.write(bytes.subarray(cut))
  }
  if (ending === 'half-close') socket.end()
  if (ending === 'reset') socket.resetAndDestroy()
  const result = await Promise.race([heard, sleep(PATIENCE_MS, null)])
  socket.destroy()
  return result?.answers ?? []
}

const registered = v.looseObject({ id: v.string(), email: v.string() })

const remember = (body: string, { password }: Recipe, people: Person[]): void => {
  const user = v.safeParse(registered, JSON.parse(body || 'null'))
  if (user.success && !people.some(({ id }) => id === user.output.id))
    people.push({ id: user.output.id, email: user.output.email, password, code: '0000' })
}
