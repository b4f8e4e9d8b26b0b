import type { Receiver, ReceiverTrouble, Told } from '../../core/events/deliver-event.ts'
import type { Circuit } from '../../core/mail/routing/circuit.ts'
import type { Logger } from '../../core/process/logger.ts'

/** The same receiver, whose answers the circuit hears of. Each change of that is one line in the log, however many calls are out. */
export const watchReceiver = (receiver: Receiver, circuit: Circuit<ReceiverTrouble>, logger: Logger): Receiver => {
  let wasWell = circuit.isWell()
  return {
    ...receiver,
    tell: async (event, signal) => {
      const told = await receiver.tell(event, signal)
      if (told === 'accepted') circuit.noteAnswer()
      // What our own stop cut off tells nothing of the receiver.
      else if (!signal.aborted) circuit.noteTrouble(event.id, told)
      if (wasWell !== circuit.isWell()) reportChange(logger, told)
      wasWell = circuit.isWell()
      return told
    },
  }
}

const reportChange = (logger: Logger, told: Told): void => {
  if (told === 'accepted') logger.info('circuit breaker closed: the event receiver accepts events again')
  else
    logger.warn(
      { reason: told.reason },
      'circuit breaker open: the event receiver fails; events wait, with a probe now and then',
    )
}
