import type { Queue } from 'bullmq'
import type { Circuit } from '../../core/mail/routing/circuit.ts'
import { type MailProvider, type MailProviders, openProviders } from '../../core/mail/routing/routes.ts'
import type { Logger } from '../../core/process/logger.ts'
import { pausedForMs, pauseQueue } from '../queue/queue-pause.ts'
import { watchMailer } from './watch-mailer.ts'

export type Admission = {
  /** The providers, whose answers are heard of from now on. */
  providers: MailProviders
  /** Those that a mail may be tried with now; null when none may be, and this worker rests for a while. */
  admit(): Promise<MailProvider[] | null>
}

/**
 * Decides whether a mail is tried now. What this process finds out by itself holds back this process alone; what the only provider
 * itself asks for pauses the queue, for all workers. With a second provider each worker hears it from the first by itself.
 */
export const admitMails = (
  { providers: [first, second], logger }: { providers: MailProviders; logger: Logger },
  queue: Queue,
  pauseFor: (ms: number) => void,
): Admission => {
  let isShared = false
  const pause = (ms: number): void => {
    if (second) return
    pauseQueue(queue, ms).then(
      () => {
        isShared = true
      },
      (err: unknown) => {
        isShared = false
        logger.warn({ err }, 'the queue could not be paused')
      },
    )
  }
  const watch = (provider: MailProvider, other?: MailProvider): MailProvider => ({
    ...provider,
    mailer: watchMailer(provider.mailer, provider.circuit, {
      onAsked: pause,
      onChange: report(provider, logger),
      isSpared: () => other?.circuit.isWell() ?? false,
    }),
  })
  const watched: MailProviders = second ? [watch(first, second), watch(second)] : [watch(first)]
  return {
    providers: watched,
    admit: async () => {
      const now = openProviders(watched)
      if ('open' in now) return now.open
      if (isShared && (await wasEnded(first.circuit, queue))) first.circuit.end()
      else pauseFor(now.waitMs)
      return null
    },
  }
}

/** An operator ended the pause of the queue: otherwise no job would have come. */
const wasEnded = async (circuit: Circuit, queue: Queue): Promise<boolean> =>
  circuit.askedForMs() > 0 && (await pausedForMs(queue).catch(() => 1)) <= 0

const report = (provider: MailProvider, logger: Logger) => (isWell: boolean) => {
  const fields = { provider: provider.name, reason: provider.circuit.trouble()?.message }
  if (isWell) logger.info({ provider: provider.name }, 'circuit breaker closed: the mail provider accepts mails again')
  else
    logger.warn(
      fields,
      'circuit breaker open: the mail provider fails; mails wait or go to the other provider, with a probe now and then',
    )
}
