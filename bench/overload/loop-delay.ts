/** How late a process's event loop was since the last reading, in milliseconds, from its metrics (reading starts them anew). */
export const readLoopDelay = async (opsUrl: string): Promise<{ p99: number; max: number }> => {
  const metrics = await (await fetch(`${opsUrl}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1]) * 1000
  return { p99: read('nodejs_eventloop_lag_p99_seconds'), max: read('nodejs_eventloop_lag_max_seconds') }
}
