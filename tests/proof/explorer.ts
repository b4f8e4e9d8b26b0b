import pg from 'pg'
import { type Actor, createActor } from './actor.ts'

/** What goes on at once, and what must hold when it has ended: `check` gives the faults. */
export type Scene = { acts: ((actor: Actor) => Promise<unknown>)[]; check(): Promise<string[]> }

export type Explored = { orders: number; isWhole: boolean; faults: string[] }

type Choice = { options: number; taken: number }

const PATIENCE_MS = 5000
const LOOK_MS = 1
const MOST_FAULTS = 5

/**
 * Runs the scene in every order in which its statements can be sent, or in so many orders that chance chooses when `most` is given.
 * A statement that waits for a lock is known by `pg_blocking_pids`, and others go on until it gets it.
 */
export const explore = async (
  databaseUrl: string,
  setScene: () => Promise<Scene>,
  most = Number.POSITIVE_INFINITY,
): Promise<Explored> => {
  const admin = new pg.Client({ connectionString: databaseUrl })
  await admin.connect()
  const actors: Actor[] = []
  const seen = new Set<string>()
  const faults: string[] = []
  let prefix: number[] | null = []
  let isWhole = false
  try {
    for (let run = 0; run < most && faults.length < MOST_FAULTS; run += 1) {
      const scene = await setScene()
      while (actors.length < scene.acts.length) actors.push(createActor(databaseUrl, `proof-${actors.length}`))
      const choose = choosing(prefix, most)
      const order = await play(admin, actors.slice(0, scene.acts.length), scene, choose)
      const name = order.map(({ taken }) => taken).join('')
      for (const fault of await scene.check()) faults.push(`order ${name}: ${fault}`)
      seen.add(name)
      prefix = most === Number.POSITIVE_INFINITY ? nextPrefix(order) : []
      if (prefix === null) {
        isWhole = true
        break
      }
    }
  } finally {
    await Promise.all(actors.map((actor) => actor.close()))
    await admin.end()
  }
  return { orders: seen.size, isWhole, faults }
}

const choosing =
  (prefix: number[], most: number) =>
  (at: number, options: number): number => {
    if (most !== Number.POSITIVE_INFINITY) return Math.floor(Math.random() * options)
    return prefix[at] ?? 0
  }

/** The next in depth-first order; null when all have been. */
const nextPrefix = (order: Choice[]): number[] | null => {
  const last = order.findLastIndex(({ options, taken }) => taken + 1 < options)
  if (last < 0) return null
  return order.slice(0, last + 1).map(({ taken }, at) => (at === last ? taken + 1 : taken))
}

const play = async (
  admin: pg.Client,
  actors: Actor[],
  scene: Scene,
  choose: (at: number, options: number) => number,
): Promise<Choice[]> => {
  startAll(actors, scene)
  const order: Choice[] = []
  for (;;) {
    await settle(admin, actors)
    const ready = actors.filter((actor) => actor.state() === 'waiting')
    if (ready.length === 0) break
    const taken = choose(order.length, ready.length)
    order.push({ options: ready.length, taken })
    ready[taken]?.step()
  }
  return order
}

const startAll = (actors: Actor[], { acts }: Scene): void => {
  for (const [index, actor] of actors.entries()) {
    const act = acts[index]
    if (act) actor.start(act)
  }
}

/**
 * Runs the scene's only act again and again, each time with its process killed one statement later, until it comes to its end.
 * Resolves with how many points there were.
 */
export const crashEverywhere = async (databaseUrl: string, setScene: () => Promise<Scene>): Promise<Explored> => {
  const admin = new pg.Client({ connectionString: databaseUrl })
  await admin.connect()
  const faults: string[] = []
  let orders = 0
  try {
    for (let isOver = false; !isOver; orders += 1) {
      const scene = await setScene()
      const actor = createActor(databaseUrl, `proof-crash-${orders}`)
      startAll([actor], scene)
      for (let sent = 0; sent < orders; sent += 1) {
        await settle(admin, [actor])
        if (actor.state() === 'waiting') actor.step()
      }
      await settle(admin, [actor])
      isOver = actor.state() === 'done'
      if (!isOver) actor.kill()
      await untilGone(admin, `proof-crash-${orders}`, isOver)
      for (const fault of await scene.check()) faults.push(`killed before statement ${orders + 1}: ${fault}`)
      await actor.close()
    }
  } finally {
    await admin.end()
  }
  return { orders, isWhole: true, faults }
}

/** PostgreSQL has noticed that the process is dead, and rolled back what it had begun. */
const untilGone = async (admin: pg.Client, name: string, isAlive: boolean): Promise<void> => {
  while (!isAlive) {
    const found = await admin.query('select 1 from pg_stat_activity where application_name = $1', [name])
    if (found.rows.length === 0) return
  }
}

/** Resolves when each actor waits at its next point, has ended, or waits for another's lock. */
const settle = async (admin: pg.Client, actors: Actor[]): Promise<void> => {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    for (const actor of actors) await actor.look(admin)
    const moving = actors.filter((actor) => ['running', 'sent'].includes(actor.state()))
    const isStuck = moving.length === 0 && !actors.some((actor) => actor.state() === 'waiting')
    const isOver = actors.every((actor) => ['done', 'dead'].includes(actor.state()))
    if (moving.length === 0 && (isOver || !isStuck)) return
    if (performance.now() > until) throw new Error(`stuck: ${actors.map((actor) => actor.state())}`)
    // Stuck: PostgreSQL finds the deadlock by itself.
    await Promise.race((moving.length > 0 ? moving : actors).map((actor) => actor.arrived(LOOK_MS)))
  }
}
