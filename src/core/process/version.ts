import { readFileSync } from 'node:fs'

/** Which release of Latchkey this is. */
export const readVersion = (): string =>
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version
