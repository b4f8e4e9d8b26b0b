import type { MailerUnavailable } from '../mailer.ts'
import { createQuietDetector } from './quiet-detector.ts'

// So many different mails must fail in a row before the trouble is taken for the provider's: one poison mail stops nobody.
const THRESHOLD = 5
const FIRST_PAUSE_MS = 1000
// Who was not answered waits while the code lives. Where another provider takes the mails instead, fewer find that out: two whose
// calls broke off, or one who waits while nobody is answered.
const THRESHOLD_SPARED = 2
const FIRST_PAUSE_SPARED_MS = 8000
// Who registers when the provider is back waits for the next probe.
const MAX_PAUSE_MS = 4000
/** The same where another provider takes the mails meanwhile: a probe that gets no answer keeps a person waiting. */
export const MAX_PAUSE_BESIDE_ANOTHER_MS = 30_000
// How long the others are held back while one probe is out.
const PROBE_MS = 1000
// However long the provider asks for, then one mail goes out to see.
const MAX_ASKED_MS = 10 * 60_000
// An asked-for pause holds back all workers, after so long: who gets a mail all the same was let through by an operator.
const SPREAD_MS = 2000

/** What a circuit breaker asks of a failure: whether it is everybody's, and for how long the other side itself wants to be left alone. */
export type Trouble = { isForEverybody: boolean; retryAfterMs: number | null; isClearNo?: boolean }

export type Circuit<Failure extends Trouble = MailerUnavailable> = {
  /** Milliseconds for which no mail must be tried; 0 lets one through. */
  enter(): number
  /** Whether mails go through as usual. */
  isWell(): boolean
  /** Milliseconds of the pause that the provider has asked for and that all workers must know of by now; 0 when there is none. */
  askedForMs(): number
  /** The last failure since the provider answered about a mail. */
  trouble(): Failure | null
  /** The provider answered about a mail: it is well. */
  noteAnswer(): void
  /**
   * A call failed. Returns the milliseconds that the provider itself wants nothing to be tried for; 0 when it does not say so.
   * `isSpared`: another provider takes the mails meanwhile, so silence is believed sooner and probed more seldom.
   */
  noteTrouble(key: string, trouble: Failure, isSpared?: boolean): number
  /** A call leaves. Returns what is to be called when it has ended. */
  begin(): () => void
  /** A call is out, and for most of a second nothing was answered since: whoever has another way takes it. */
  isQuiet(): boolean
  /** An operator ended the pause: the next mail is a probe. */
  end(): void
}

/**
 * A circuit breaker (Nygard, "Release It!") between one process and one provider: while the provider fails for everybody one probe
 * goes out now and then, not the whole backlog. Only the provider's own word is anybody else's affair. `now` is monotonic, in milliseconds.
 */
export const createCircuit = <Failure extends Trouble = MailerUnavailable>(
  now: () => number = () => performance.now(),
  random: () => number = Math.random,
  maxPauseMs = MAX_PAUSE_MS,
): Circuit<Failure> => {
  const failures = createFailures<Failure>()
  const own = createOwnPause(random, maxPauseMs)
  const asked = createAskedPause(now)
  const { begin, isQuiet, noteAnswer } = createQuietDetector(now)
  const gate = createGate(now)

  const pause = (askedForMs: number, firstMs: number): void => {
    const ownMs = gate.isShut() ? 0 : own.lengthen(firstMs)
    asked.ask(askedForMs)
    gate.shutUntil(Math.max(asked.until(), now() + ownMs))
  }

  return {
    enter: () => (own.isOn() ? gate.enter() : 0),
    isWell: () => !own.isOn(),
    askedForMs: asked.forMs,
    trouble: failures.last,
    noteAnswer: () => {
      noteAnswer()
      failures.clear()
      // An answer to a call that was out already does not end the pause that the provider has asked for since.
      gate.openAt(asked.until())
      if (!gate.isShut()) own.end()
    },
    noteTrouble: (key, trouble, isSpared = false) => {
      const { areMany, firstPauseMs } = failures.note(key, trouble, { isSpared, isQuiet: isQuiet() })
      const askedForMs = trouble.isForEverybody ? (trouble.retryAfterMs ?? 0) : 0
      // Calls that were out already when it shut tell nothing new, but for the time that the provider asks for.
      if (trouble.isForEverybody || (areMany && !gate.isShut())) pause(askedForMs, firstPauseMs)
      return trouble.isForEverybody ? gate.leftMs() : 0
    },
    begin,
    isQuiet,
    end: () => {
      asked.end()
      gate.openAt(0)
    },
  }
}

/** The mails that failed since the last answer. Once silence was believed, the next failure is believed at once. */
const createFailures = <Failure extends Trouble>() => {
  const failing = new Set<string>()
  let last: Failure | null = null
  let isSilent = false
  return {
    last: () => last,
    clear: () => {
      failing.clear()
      last = null
      isSilent = false
    },
    note: (key: string, trouble: Failure, { isSpared, isQuiet }: { isSpared: boolean; isQuiet: boolean }) => {
      failing.add(key)
      last = trouble
      if (isSpared && trouble.isClearNo === false && (isQuiet || failing.size >= THRESHOLD_SPARED)) isSilent = true
      const firstPauseMs = isSilent && isSpared ? FIRST_PAUSE_SPARED_MS : FIRST_PAUSE_MS
      return { areMany: failing.size >= THRESHOLD || isSilent, firstPauseMs }
    },
  }
}

/** Until when nothing goes out, and then until when one probe holds the others back. */
const createGate = (now: () => number) => {
  let [shutUntil, probedUntil] = [0, 0]
  const openAt = (at: number): void => {
    shutUntil = at
    probedUntil = 0
  }
  return {
    isShut: () => now() < shutUntil,
    leftMs: () => Math.max(0, Math.ceil(shutUntil - now())),
    openAt,
    shutUntil: (at: number) => openAt(Math.max(shutUntil, at)),
    enter: (): number => {
      const waitMs = Math.max(shutUntil, probedUntil) - now()
      if (waitMs > 0) return Math.ceil(waitMs)
      probedUntil = now() + PROBE_MS
      return 0
    },
  }
}

/** The pauses between probes, each twice as long as the one before, and each a little shorter by chance. */
const createOwnPause = (random: () => number, maxMs: number) => {
  let ms = 0
  return {
    isOn: () => ms > 0,
    lengthen: (firstMs: number): number => {
      ms = Math.min(maxMs, Math.max(firstMs, ms * 2))
      return ms * (0.5 + random() / 2)
    },
    end: () => {
      ms = 0
    },
  }
}

/** The pause that the provider itself has asked for. A shorter one never replaces a longer one. */
const createAskedPause = (now: () => number) => {
  let askedAt = 0
  let askedUntil = 0
  return {
    until: () => askedUntil,
    forMs: () => (now() - askedAt < SPREAD_MS ? 0 : Math.max(0, Math.ceil(askedUntil - now()))),
    ask: (ms: number) => {
      if (ms <= 0) return
      askedAt = now()
      askedUntil = Math.max(askedUntil, now() + Math.min(ms, MAX_ASKED_MS))
    },
    end: () => {
      askedUntil = 0
    },
  }
}
