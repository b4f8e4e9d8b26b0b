import { readFileSync } from 'node:fs'

const END = 0x0a

/**
 * Passwords that are tried first by everybody: zxcvbn's list of about 49,000 from public leaks (@zxcvbn-ts/language-common, MIT),
 * lower-cased, one a line, in the order of their bytes. As bytes it takes a tenth of the memory of a set of strings.
 */
const LIST = readFileSync(new URL('./well-known-passwords.txt', import.meta.url))

/** Whether a password is one of them, in whatever case. */
export const isWellKnownPassword = (password: string): boolean => {
  const wanted = Buffer.from(password.toLowerCase())
  let [low, high] = [0, LIST.length]
  while (low < high) {
    const middle = low + ((high - low) >> 1)
    // No line is empty, so the middle is never the first byte.
    const start = LIST.lastIndexOf(END, middle - 1) + 1
    const end = LIST.indexOf(END, middle)
    const order = wanted.compare(LIST, start, end)
    if (order === 0) return true
    if (order < 0) high = start
    else low = end + 1
  }
  return false
}
