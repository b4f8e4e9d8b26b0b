import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type { AfterHook, BeforeHook, UIConfig } from '@bull-board/api/typings/app'
import { HonoAdapter } from '@bull-board/hono'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Queue } from 'bullmq'
import { type Context, Hono, type Next } from 'hono'
import { forwardedPrefix } from '../../core/process/http/behind-proxy.ts'
import type { Network } from '../../core/process/http/client-network.ts'
import type { Logger } from '../../core/process/logger.ts'
import type { OperatorRetry } from '../queue/operator-retry.ts'

export type BoardSettings = {
  basePath: string
  trustedProxies: Network[]
  operatorRetries: Record<string, OperatorRetry>
  logger: Logger
}

const FONTS = {
  'font-sans': '"IBM Plex Sans", "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif',
  'font-mono': '"IBM Plex Mono", ui-monospace, "Liberation Mono", monospace',
}

/** What is shown first of a job is why its last try failed and when the next one is. */
const UI: UIConfig = {
  boardTitle: 'Latchkey',
  hideDocsLink: true,
  menu: { width: '12rem' },
  jobDetails: { defaultTab: 'Error' },
  theme: { light: FONTS, dark: FONTS },
}

/** The pages and their data, with no word on who may see them. */
export const openBoard = (queues: Queue[], settings: BoardSettings): Hono => {
  const board = new HonoAdapter(serveStatic)
  board.setBasePath(settings.basePath)
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { allowRetries: true })),
    serverAdapter: board,
    options: { uiConfig: UI, handlerHooks: { before: retryRowsFirst(settings), after: showNextTry } },
  })
  return new Hono().use(fitPage(settings)).route(settings.basePath, board.registerPlugin())
}

/** Only here a settled row starts over: an operator asks for it. Of all rows of a queue, also those whose jobs it keeps no more. */
const retryRowsFirst =
  ({ operatorRetries, logger }: BoardSettings): BeforeHook =>
  async ({ route, request }) => {
    const { queueName = '', jobId } = request.params
    const retry = operatorRetries[queueName]
    if (!retry || !/\/retry(?:\/|$)/.test(route)) return { allow: true }
    try {
      await (jobId === undefined ? retry.all() : retry.one(jobId))
      logger.info({ queue: queueName, jobId }, 'an operator retries what has failed')
      return { allow: true }
    } catch (err) {
      logger.warn({ err, queue: queueName, jobId }, "an operator's retry failed: PostgreSQL is unavailable")
      return { allow: false, status: 500, message: 'PostgreSQL is unavailable: nothing was retried. Try again.' }
    }
  }

/** Bull Board counts a retry's delay from when the job was made; here it counts from the last try, so that the time is right. */
const showNextTry: AfterHook = (_context, result) => {
  if (typeof result.body === 'string' || 'error' in result.body) return result
  const { job: one, queues = [] } = result.body
  for (const job of [one, ...queues.flatMap((queue: { jobs: unknown[] }) => queue.jobs)]) {
    if (!job?.delay || !job.processedOn || job.finishedOn) continue
    job.delay += job.processedOn - job.timestamp
    job.opts = { ...job.opts, delay: job.delay }
  }
  return result
}

/**
 * Takes the fonts of another host out of Bull Board's page: no policy need refuse them, and no error stands in the console. Behind a
 * path prefix all that the page asks for is asked for below it.
 */
const fitPage =
  ({ basePath, trustedProxies }: BoardSettings) =>
  async (c: Context, next: Next): Promise<void> => {
    await next()
    if (!c.res.headers.get('content-type')?.startsWith('text/html')) return
    const page = (await c.res.text()).replaceAll(/<link [^>]*href="https?:[^>]*>/g, '')
    const prefix = forwardedPrefix(c, trustedProxies)
    c.res = new Response(page.replaceAll(`"${basePath}/`, `"${prefix}${basePath}/`), c.res)
  }
