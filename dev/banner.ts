import type { Ports } from './ports.ts'

/** What a newcomer sees when everything runs: where things are, and three lines to try. */
export const banner = (ports: Ports, folder: string, operator: { OPS_USER: string; OPS_PASSWORD: string }): string => {
  const api = `http://localhost:${ports.PORT}`
  return `
  Latchkey is running. Ctrl-C stops all of it; the data stay in ${folder}

    Sign up      http://localhost:${ports.SANDBOX_PORT}/sign-up    a small front end to try it with
    API          ${api}            reference: ${api}/docs
    Inbox        http://localhost:${ports.SANDBOX_PORT}            every mail that leaves, every event that is told, and buttons to break the provider
    Dashboard    http://localhost:${ports.WORKER_OPS_PORT}/dashboard  user ${operator.OPS_USER}, password ${operator.OPS_PASSWORD}

  Register, read the code in the inbox, and send it back within its minute:

    curl -si ${api}/v1/users -H 'Content-Type: application/json' -d '{"email":"ada@example.com","password":"correct horse"}'
    curl -s  http://localhost:${ports.SANDBOX_PORT}/emails
    curl -si ${api}/v1/users/ID/activation -u 'ada@example.com:correct horse' -H 'Content-Type: application/json' -d '{"code":"CODE"}'

`
}
