import type { CodePolicy } from '../process/settings.ts'

/** The rules of registration. */
export type RegistrationPolicy = CodePolicy & { resendCooldownSeconds: number }
