import { providerNames } from '../../src/core/mail/providers/providers.ts'

const only = process.env.PROVIDERS?.split(' ')

/** All of them, or those that `PROVIDERS` names: a mutant of one needs the tests of no other. */
export const testedProviders = providerNames.filter((name) => only?.includes(name) ?? true)
