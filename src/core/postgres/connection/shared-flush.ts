import type pg from 'pg'

// What a commit waits for is kept, as a role or a database may have it otherwise.
const BEGIN =
  "select set_config('latchkey.commit', current_setting('synchronous_commit'), false), set_config('synchronous_commit', 'off', false)"
const END = 'reset synchronous_commit'
// It writes something, so its commit waits as others did before, and for all that this session has committed.
const FLUSH =
  "select pg_logical_emit_message(true, $1, ''), set_config('synchronous_commit', current_setting('latchkey.commit'), true)"

export type SharedFlush = {
  /** Resolves when what was sent over this session until now is on the disk, or wherever else a commit waits for it to be. */
  flushed(): Promise<void>
  /** Commits of this session wait for themselves again. */
  end(): Promise<unknown>
}

/**
 * From now on commits of this session wait for no disk: whoever needs his on it awaits `flushed`. One flush is under way at a time, and
 * who asks meanwhile shares the next. It goes over the same connection: after a crash of the server there is none to say that it worked.
 */
export const shareFlushes = (client: pg.PoolClient): SharedFlush => {
  const begun = client.query(BEGIN)
  begun.catch(() => {})
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<void> | null = null
  const startNext = async () => {
    await untilTickEnds()
    next = null
    running = Promise.all([begun, client.query(FLUSH, ['latchkey'])])
    await running
  }
  return {
    flushed: () => {
      next ??= running.then(startNext, startNext)
      return next
    },
    end: () => client.query(END),
  }
}

/** So that it covers all that is sent in this tick. */
const untilTickEnds = () => new Promise<void>((resolve) => process.nextTick(resolve))
