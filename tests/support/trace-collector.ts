import { createServer } from 'node:http'
import * as v from 'valibot'

/** OTLP/JSON, as far as the tests look at it. */
const attributes = v.array(
  v.object({
    key: v.string(),
    value: v.union([
      v.object({ stringValue: v.string() }),
      v.object({ intValue: v.union([v.number(), v.string()]) }),
      v.object({ doubleValue: v.number() }),
      v.object({ boolValue: v.boolean() }),
      v.object({ arrayValue: v.unknown() }),
    ]),
  }),
)
const request = v.object({
  resourceSpans: v.array(
    v.object({
      resource: v.object({ attributes }),
      scopeSpans: v.array(
        v.object({
          spans: v.array(
            v.object({
              traceId: v.string(),
              spanId: v.string(),
              parentSpanId: v.optional(v.string()),
              name: v.string(),
              kind: v.picklist([1, 2, 3, 4, 5]),
              attributes,
              status: v.object({ code: v.number(), message: v.optional(v.string()) }),
              events: v.array(v.unknown()),
            }),
          ),
        }),
      ),
    }),
  ),
})

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']

export type Exported = {
  service: string
  traceId: string
  id: string
  parentId: string
  name: string
  kind: string | undefined
  isFailed: boolean
  attributes: Record<string, unknown>
}

export type TraceCollector = {
  url: string
  paths: Set<string>
  spans(): Exported[]
  bytes(): string
  close(): Promise<void>
}

/** A receiver of OTLP over HTTP on the loopback that keeps what it gets. A `deaf` one takes requests and never answers. */
export const startTraceCollector = async (how: 'well' | 'deaf' = 'well'): Promise<TraceCollector> => {
  const bodies: string[] = []
  const paths = new Set<string>()
  const server = createServer(async (incoming, response) => {
    let body = ''
    for await (const chunk of incoming.setEncoding('utf8')) body += chunk
    bodies.push(body)
    paths.add(incoming.url ?? '')
    if (how === 'well') response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    paths,
    spans: () => bodies.flatMap(readSpans),
    bytes: () => bodies.join('\n'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const readSpans = (body: string): Exported[] =>
  v.parse(request, JSON.parse(body)).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: String(recordOf(resource.attributes)['service.name']),
        traceId: span.traceId,
        id: span.spanId,
        parentId: span.parentSpanId ?? '',
        name: span.name,
        kind: KINDS[span.kind],
        isFailed: span.status.code === 2,
        attributes: recordOf(span.attributes),
      })),
    ),
  )

const recordOf = (list: v.InferOutput<typeof attributes>): Record<string, unknown> =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]))
