import { connect, createServer } from 'node:net'
import { pipeline } from 'node:stream'

/** The published ports of docker-compose.yml: one address for any number of apis and workers. */
const routes = [
  { port: 3000, host: 'api' },
  { port: 3002, host: 'worker' },
  { port: 3003, host: 'sandbox' },
]

for (const { port, host } of routes) {
  createServer((client) => {
    // The name stands for all containers of its kind: the first that answers is taken.
    const server = connect({ host, port, autoSelectFamily: true })
    // Who is cut off says so by closing; the other side is closed too.
    pipeline(client, server, client, () => {})
  }).listen(port)
}
process.once('SIGTERM', () => process.exit(0))
