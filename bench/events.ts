import { measureLateness } from './events/lateness.ts'
import { soakEvents } from './events/soak-events.ts'

/** `node bench/events.ts [activations=500] [backend=redis] [seed]`: how late mails are beside a dead receiver, then a soak. Ends with 1 when the books do not balance. */
const [count = '500', name = 'redis', seed = String(Date.now() % 1_000_000)] = process.argv.slice(2)
const backend = name === 'postgresql' ? 'postgresql' : 'redis'

process.stdout.write(`${backend}, seed ${seed}\n`)
await measureLateness(backend, Math.max(20, Math.round(Number(count) / 10)))
const wrongs = await soakEvents(backend, Number(count), Number(seed))
process.stdout.write(
  wrongs.length === 0 ? '  the books balance\n' : `  THE BOOKS DO NOT BALANCE\n    ${wrongs.join('\n    ')}\n`,
)
process.exit(wrongs.length === 0 ? 0 : 1)
