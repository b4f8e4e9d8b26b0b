import type { Context } from 'hono'
import type { DescribeRouteOptions } from 'hono-openapi'
import { findProvider, providerNames, providers } from '../../core/mail/providers/providers.ts'
import type { Refusal, Report, ReportReader } from '../../core/mail/providers/report.ts'
import { recordReports } from '../../core/postgres/outbox/provider-reports.ts'
import { problemResponses } from '../answers/openapi.ts'
import { problemResponse, RequestRefused } from '../answers/problems.ts'
import type { ApiEnv, ApiTools } from '../context.ts'
import { readBytes } from '../request/read-body.ts'

// A provider sends its events in batches.
const MAX_BYTES = 1024 * 1024
// Each may hold a body of a megabyte; a provider that finds no place comes again.
const MAX_READ_AT_ONCE = 16
const RETRY_SECONDS = '5'

/** What became of mails, as their provider reports it. Nothing of a body is read before its headers have passed. */
export const takeProviderEvents = (tools: ApiTools) => {
  let reading = 0
  return async (c: Context<ApiEnv>): Promise<Response> => {
    const name = c.req.param('provider') ?? ''
    const reader = findProvider(name)?.reports
    const secrets = tools.providerEvents.secretsOf(name)
    if (!reader || secrets.length === 0) return refuseUnread(c, 'not-found')
    const admitted = secrets.filter((secret) => reader.admits(c.req.raw.headers, secret))
    if (admitted.length === 0) return refuseUnread(c, 'unauthenticated')
    if (reading >= MAX_READ_AT_ONCE) return refuseUnread(c, 'overloaded', { 'Retry-After': RETRY_SECONDS })
    reading += 1
    try {
      const reports = await readReports(c, tools, reader, admitted)
      if (reports === 'unauthenticated') throw new RequestRefused('unauthenticated')
      if (reports === 'malformed') throw new RequestRefused('malformed-request')
      if (reports.length > 0)
        tools.metrics.noteReports(
          name,
          await recordReports(tools.pool, { provider: name, reports, raisesEvents: tools.raisesEvents }),
        )
      return c.body(null, 204)
    } finally {
      reading -= 1
    }
  }
}

const refuseUnread = (
  c: Context,
  slug: 'not-found' | 'unauthenticated' | 'overloaded',
  headers: Record<string, string> = {},
): Response => problemResponse(c, slug, { headers: { ...headers, Connection: 'close' } })

const readReports = async (
  c: Context,
  { providerEvents: { fetchText }, logger }: ApiTools,
  reader: ReportReader,
  secrets: string[],
): Promise<Report[] | Refusal> => {
  const body = await readBytes(c, MAX_BYTES)
  for (const secret of secrets) {
    const read = await reader.read({ headers: c.req.raw.headers, body, secret, fetchText }).catch((err: unknown) => {
      logger.warn({ err }, "what a provider's report is checked with could not be fetched; the provider sends it again")
      throw new RequestRefused('unavailable', { headers: { 'Retry-After': RETRY_SECONDS } })
    })
    if (read !== 'unauthenticated') return read
  }
  return 'unauthenticated'
}

const reporting = providerNames.flatMap((name) => {
  const { reports } = providers[name]
  return reports ? [{ name, scheme: reports.scheme }] : []
})

export const takeProviderEventsDocs: DescribeRouteOptions = {
  operationId: 'takeProviderEvents',
  summary: 'Take what the mail provider reports of mails',
  description: `For the mail provider alone: delivered, bounced, complained. On where \`MAIL_EVENTS_SECRET\` or \`MAIL_FALLBACK_EVENTS_SECRET\`
is set, else 404. The request is verified by the provider's own scheme: ${reporting.map(({ name, scheme }) => `${name} ${scheme}`).join(', ')}. Repeated, unordered, unknown and foreign events are harmless. Up to 1 MiB.`,
  tags: ['service'],
  security: [],
  parameters: [
    {
      name: 'provider',
      in: 'path',
      required: true,
      description: 'The name of the provider.',
      schema: { type: 'string', enum: reporting.map(({ name }) => name) },
    },
  ],
  requestBody: { required: true, content: { 'application/json': {}, 'text/plain': {} } },
  responses: {
    204: { description: 'The report is recorded, or of no interest.' },
    ...problemResponses([
      'malformed-request',
      'unauthenticated',
      'not-found',
      'payload-too-large',
      'internal',
      'overloaded',
      'unavailable',
    ]),
  },
}
