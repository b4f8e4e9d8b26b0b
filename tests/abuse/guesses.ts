import { expect } from 'vitest'
import { otherThan } from '../api/api-client.ts'
import { readProblem } from '../support/answers.ts'
import type { Person, Service } from './service.ts'

type WithCode = Person & { code: string }

/** The type of the problem, or the status of an answer that is none. */
export const wordOf = async (answer: Response) =>
  answer.ok ? answer.status : (await readProblem(answer)).type.slice(10)

export const countsOf = async (answers: Promise<Response>[]) => {
  const counts: Record<string, number> = {}
  for (const word of await Promise.all(answers.map(async (answer) => wordOf(await answer))))
    counts[word] = (counts[word] ?? 0) + 1
  return counts
}

/** What is guessed at a service, and what it has counted. */
export const guessesAt = (service: () => Service) => {
  const guess = async (person: WithCode, step = 1, headers: Record<string, string> = {}) =>
    wordOf(await service().activate(person, otherThan(person.code, step), service().url, headers))

  return {
    guess,

    /** Alternates between the two apis. */
    spread: (times: number, call: (at: string, index: number) => Promise<Response>) =>
      Array.from({ length: times }, (_, index) => call(service().urls[index % 2] ?? '', index)),

    attemptsOf: async ({ id }: Person) => {
      const found = await service().database.pool.query(
        'select attempts from codes where user_id = $1 order by created_at',
        [id],
      )
      return found.rows.map(({ attempts }) => attempts)
    },

    attemptsLeft: async (person: Person) => (await service().read(person)).code?.attemptsLeft,

    /** Nine wrong guesses over three codes, the next of which `next` gets; each from another network. */
    exhaust: async (email: string, next: (person: WithCode) => Promise<WithCode>) => {
      let person = await service().registerWithCode(email)
      for (let index = 0; index < 9; index++) {
        if (index > 0 && index % 3 === 0) person = await next(person)
        const headers = { 'x-forwarded-for': `198.51.100.${index}` }
        expect(await guess(person, (index % 3) + 1, headers)).toBe('code-incorrect')
      }
      return person
    },
  }
}
