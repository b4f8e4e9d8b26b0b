import { createLogger } from '../../src/core/process/logger.ts'

/** A logger as processes have it, and the lines that it has written. */
export const keepLog = (level = 'info') => {
  const texts: string[] = []
  const logger = createLogger(level, 'a-service', { write: (line) => void texts.push(line) })
  const lines = (): Record<string, unknown>[] => texts.map((text) => JSON.parse(text))
  return { logger, texts, lines, messages: () => lines().map(({ msg }) => msg) }
}
