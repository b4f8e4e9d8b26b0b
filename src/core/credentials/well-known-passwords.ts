import { dictionary } from '@zxcvbn-ts/language-common'

/** Lower-cased passwords that are tried first by everybody (zxcvbn's list of about 49,000, from public leaks). */
export const wellKnownPasswords: ReadonlySet<string> = new Set(dictionary['passwords-common'])
