/** For a command: whoever reads what it tells may go, as behind `| head`, and what it does goes on. */
export const outliveReaders = (...streams: NodeJS.WriteStream[]): void => {
  for (const stream of streams)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
}
