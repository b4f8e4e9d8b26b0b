type Closable = { close(): Promise<unknown> }

/**
 * Starts one part after the other. `close` may come meanwhile: it closes also the part that is just being started, and no further
 * one is started.
 */
export const startInTurn = <Part extends Closable>(
  starting: AsyncIterable<Part>,
): { started: Promise<Part[]>; close(): Promise<void> } => {
  const parts: Part[] = []
  let isClosing = false
  const start = async () => {
    for await (const part of starting) {
      parts.push(part)
      if (!isClosing) continue
      await part.close()
      break
    }
    return parts
  }
  const started = start()
  return {
    started,
    close: async () => {
      isClosing = true
      await Promise.all([started, ...parts.map((part) => part.close())])
    },
  }
}
