import type { ProviderResponse } from '../../core/mail/providers/provider.ts'
import { failSpan, inSpan } from '../../core/process/telemetry/tracing.ts'

/** The call's part of a trace; the provider is not told of it. */
export const tracedPost = (
  url: string,
  send: (url: string) => Promise<ProviderResponse>,
  within: typeof inSpan = inSpan,
): Promise<ProviderResponse> => {
  const { hostname, port, protocol, origin, pathname } = new URL(url)
  const attributes = {
    'http.request.method': 'POST',
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
    'url.full': `${origin}${pathname}`,
  }
  return within('POST', { kind: 'client', attributes }, async (span) => {
    const answer = await send(url)
    span.setAttribute('http.response.status_code', answer.status)
    if (answer.status >= 400) failSpan(span, String(answer.status))
    return answer
  })
}
