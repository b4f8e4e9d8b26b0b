import { setTimeout as sleep } from 'node:timers/promises'

/** Asks as a client should that may be told to come back: on a busy machine little hashing may wait. */
export const untilServed = async (ask: () => Promise<Response>): Promise<Response> => {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503) return answer
    await sleep(Number(answer.headers.get('retry-after')) * 1000)
  }
}
