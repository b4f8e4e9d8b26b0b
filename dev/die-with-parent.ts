// Preloaded into what `dev/run.ts` and the tests start: when the starter is gone, even killed, its children stop too.
process.channel?.unref()
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
