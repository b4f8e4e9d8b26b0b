import pg from 'pg'

const FORM = /^(?:postgres(?:ql)?:\/\/|socket:|\/(?!\/))/i
const MAX_PORT = 65_535

/**
 * What is wrong with this connection string, judged by the driver's own parser, or null. URLs, hosts as `?host=`, sockets
 * (`/run/postgresql latchkey`, `socket:/run/postgresql?db=latchkey`) and certificates in files are all pg's.
 */
export const findUrlFault = (value: string): string | null => {
  if (!FORM.test(value)) return 'must be a URL that begins with postgres:// or postgresql://'
  try {
    // It connects with the first statement only.
    const { host, port } = new pg.Client({ connectionString: value })
    if (host.includes(',')) return 'must name one host: a virtual address, or a proxy'
    return port > 0 && port <= MAX_PORT ? null : 'must be a URL with a port from 1 to 65535'
  } catch (error) {
    return error instanceof Error && 'syscall' in error
      ? 'must name files that can be read in sslrootcert, sslcert, sslkey'
      : 'must be a URL that pg can read: encode what is not a letter or a digit in user, password and database as %40'
  }
}
