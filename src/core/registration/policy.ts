import type { CodePolicy } from '../settings.ts'

/** The rules of registration. */
export type RegistrationPolicy = CodePolicy & { resendCooldownSeconds: number }
