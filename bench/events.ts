import { measureLateness } from './events/lateness.ts'
import { soakEvents } from './events/soak-events.ts'

/**
 * `node bench/events.ts [activations=500] [backend=redis] [seed] [rounds=15]`: how late mails are beside a dead receiver, then a soak; 0 leaves
 * a part out. Ends with 1 when the books do not balance.
 */
const [count = '500', name = 'redis', seed = String(Date.now() % 1_000_000), rounds = '15'] = process.argv.slice(2)
const backend = name === 'postgresql' ? 'postgresql' : 'redis'

process.stdout.write(`${backend}, seed ${seed}\n`)
if (Number(rounds) > 0) await measureLateness(backend, Number(rounds))
const wrongs = Number(count) > 0 ? await soakEvents(backend, Number(count), Number(seed)) : []
process.stdout.write(
  wrongs.length === 0 ? '  the books balance\n' : `  THE BOOKS DO NOT BALANCE\n    ${wrongs.join('\n    ')}\n`,
)
process.exit(wrongs.length === 0 ? 0 : 1)
