import type { IncomingMessage } from 'node:http'

/** How often a header was sent: where one counts, Node.js shows the first and keeps quiet about the rest. */
export const timesSent = ({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>, name: string): number =>
  rawHeaders.filter((header, index) => index % 2 === 0 && header.toLowerCase() === name).length
