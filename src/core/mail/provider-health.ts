/**
 * What the last calls told of the provider. A mail that stays at home behaves by it as if it had been sent, so that a
 * registrant cannot tell it from one that was.
 */
export type ProviderHealth = { isWell: boolean; latencyMs: number }

export const createProviderHealth = (): ProviderHealth => ({ isWell: true, latencyMs: 0 })
