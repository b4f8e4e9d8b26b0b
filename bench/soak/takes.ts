import type { Request } from './provider.ts'

/** What a person saw: the first time that the provider took a mail under this key. `last` is the mood of the last take. */
export type Take = { key: string; to: string; at: number; text: string; mood: Request['mood']; copies: number }

export type Takes = { byKey: Map<string, Take>; byAddress: Map<string, Take[]>; wrongs: string[] }

/** Sorts what the provider took by key and by address, in order of time; names keys that came with other bytes. */
export const readTakes = (requests: Request[]): Takes => {
  const takes: Takes = { byKey: new Map(), byAddress: new Map(), wrongs: [] }
  const bytes = new Map<string, string>()
  for (const request of requests) {
    const { key, to, at, text, mood } = request
    if ((bytes.get(key) ?? request.body) !== request.body) takes.wrongs.push(`key ${key} came with other bytes`)
    bytes.set(key, request.body)
    const former = takes.byKey.get(key)
    if (former) former.copies += request.isTaken ? 1 : 0
    if (former || !request.isTaken) continue
    const take = { key, to, at, text, mood, copies: 0 }
    takes.byKey.set(key, take)
    takes.byAddress.set(to, [...(takes.byAddress.get(to) ?? []), take])
  }
  return takes
}
