import { type Mailer, MailerUnavailable, MailRefused } from '../../core/mail/mailer.ts'
import type { Circuit } from '../../core/mail/routing/circuit.ts'

export type Watcher = {
  /** For so many milliseconds the provider wants no mail from anybody. */
  onAsked(ms: number): void
  /** Mails go through as usual again, or not any more. */
  onChange(isWell: boolean): void
  /** Whether another provider would take the mails now: then slow is as bad as silent, and is heard of before the time limit. */
  isSpared?(): boolean
}

// An answer that takes longer keeps people waiting for whom another provider has time.
const SLOW_MS = 3000

/** The same mailer, whose answers the circuit hears of. */
export const watchMailer = (mailer: Mailer, circuit: Circuit, watcher: Watcher): Mailer => {
  const { onAsked, onChange, isSpared = () => false } = watcher
  let wasWell = circuit.isWell()
  const noteChange = (): void => {
    if (wasWell === circuit.isWell()) return
    wasWell = circuit.isWell()
    onChange(wasWell)
  }
  const noteTrouble = (key: string, trouble: MailerUnavailable): void => {
    const askedMs = circuit.noteTrouble(key, trouble, isSpared())
    if (askedMs > 0) onAsked(askedMs)
  }
  return {
    ...mailer,
    send: async (mail, sending) => {
      const end = circuit.begin()
      // What comes of a slow call tells of the time before it was slow, but for a clear no.
      let isSlow = false
      const timer = setTimeout(() => {
        isSlow = isSpared()
        if (isSlow) noteTrouble(sending.idempotencyKey, slow(mailer))
        noteChange()
      }, SLOW_MS)
      try {
        const sent = await mailer.send(mail, sending)
        if (!isSlow) circuit.noteAnswer()
        return sent
      } catch (error) {
        if (error instanceof MailRefused && !isSlow) circuit.noteAnswer()
        if (error instanceof MailerUnavailable && (error.isClearNo || !isSlow))
          noteTrouble(sending.idempotencyKey, error)
        throw error
      } finally {
        clearTimeout(timer)
        end()
        noteChange()
      }
    },
  }
}

const slow = ({ provider = 'provider' }: Mailer) => new MailerUnavailable(`${provider}-slow`, { isClearNo: false })
