/**
 * Does `work` with a signal that aborts when `signal` does, or after `ms` with a `TimeoutError`. Nothing of it stays when the work has ended: the
 * timer of `AbortSignal.timeout` would, until its time, and with hundreds of calls a second that is thousands of signals.
 */
export const withTimeLimit = async <Result>(
  signal: AbortSignal,
  ms: number,
  work: (limited: AbortSignal) => Promise<Result>,
): Promise<Result> => {
  const limited = new AbortController()
  const follow = () => limited.abort(signal.reason)
  const timer = setTimeout(() => limited.abort(new DOMException('the time is up', 'TimeoutError')), ms)
  signal.addEventListener('abort', follow)
  if (signal.aborted) follow()
  try {
    return await work(limited.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', follow)
  }
}
