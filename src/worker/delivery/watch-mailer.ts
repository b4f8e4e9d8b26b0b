import { type Mailer, MailerUnavailable, MailRefused } from '../../core/mail/mailer.ts'
import type { Circuit } from '../../core/mail/routing/circuit.ts'

export type Watcher = {
  /** For so many milliseconds the provider wants no mail from anybody. */
  onAsked(ms: number): void
  /** Mails go through as usual again, or not any more. */
  onChange(isWell: boolean): void
}

/** The same mailer, whose answers the circuit hears of. */
export const watchMailer = (mailer: Mailer, circuit: Circuit, { onAsked, onChange }: Watcher): Mailer => ({
  ...mailer,
  send: async (mail, sending) => {
    const wasWell = circuit.isWell()
    try {
      const sent = await mailer.send(mail, sending)
      circuit.noteAnswer()
      return sent
    } catch (error) {
      if (error instanceof MailRefused) circuit.noteAnswer()
      const askedMs = error instanceof MailerUnavailable ? circuit.noteTrouble(sending.idempotencyKey, error) : 0
      if (askedMs > 0) onAsked(askedMs)
      throw error
    } finally {
      if (wasWell !== circuit.isWell()) onChange(circuit.isWell())
    }
  },
})
