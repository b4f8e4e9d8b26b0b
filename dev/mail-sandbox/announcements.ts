export type Announce = (event: string, data: unknown) => void
export type Announcements = ReturnType<typeof createAnnouncements>

/** Passes what happens on to every open page. */
export function createAnnouncements() {
  const listeners = new Set<Announce>()

  return {
    announce(event: string, data: unknown): void {
      for (const listener of listeners) listener(event, data)
    },

    subscribe(listener: Announce): () => void {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
