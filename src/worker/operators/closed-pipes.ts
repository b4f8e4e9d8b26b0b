/**
 * For a command: whoever reads what it tells may go, as behind `| head`, and what it does goes on. The function given tells whether one
 * has gone: a stream of the process itself forgets (`errored`) as soon as it has told.
 */
export const outliveReaders = (...streams: NodeJS.WriteStream[]): (() => boolean) => {
  let isGone = false
  for (const stream of streams)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      isGone = true
    })
  return () => isGone
}
