import { isPortFree } from './free-port.ts'

const STANDARD = { PORT: 3000, API_OPS_PORT: 3001, WORKER_OPS_PORT: 3002, SANDBOX_PORT: 3003 }

/** The ports of `make run`, each under the variable that moves it. */
export type Ports = typeof STANDARD

export const readPorts = (environment: Record<string, string | undefined>): Ports => {
  const read = (name: keyof Ports) => Number(environment[name] || STANDARD[name])
  return {
    PORT: read('PORT'),
    API_OPS_PORT: read('API_OPS_PORT'),
    WORKER_OPS_PORT: read('WORKER_OPS_PORT'),
    SANDBOX_PORT: read('SANDBOX_PORT'),
  }
}

/** Rejects with one message when ports are taken, most likely by another `make run`. */
export const checkPorts = async (ports: Ports, host: string): Promise<void> => {
  const free = await Promise.all(Object.values(ports).map((port) => isPortFree(port, host)))
  const taken = Object.entries(ports).filter((_, index) => !free[index])
  if (taken.length === 0) return
  const lines = taken.map(([name, port]) => `  ${port}   to use another: ${name}=${port + 1000} make run`)
  throw new Error(`These ports are in use, perhaps by a \`make run\` in another window:\n${lines.join('\n')}`)
}
