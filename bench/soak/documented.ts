import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')

/** The lines of the block of code that follows this comment in docs/operations.md, so that tests and soak use what operators read. */
export const documented = (comment: string): string[] => {
  const [, block] = PAGE.split(comment)
  if (block === undefined) throw new Error(`docs/operations.md has no ${comment}`)
  return block
    .slice(0, block.indexOf('```'))
    .split('\n')
    .filter((line) => line.trim() !== '')
}
