import diagnostics from 'node:diagnostics_channel'
import { request } from 'undici'
import * as v from 'valibot'
import { MailerUnavailable } from '../../core/mail/mailer.ts'
import type { ProviderResponse } from '../../core/mail/providers/provider.ts'
import type { ProviderName } from '../../core/mail/providers/providers.ts'
import { readJson } from '../../core/mail/providers/report.ts'
import { createEgress, type Proxies } from '../../core/process/http/egress.ts'
import { tracedPost } from './traced-post.ts'

export type ConnectionSettings = { timeoutMs: number; connections: number; proxies?: Proxies }

export type HttpClient = {
  /** Gives an answer that arrived whole before `signal` aborts, whatever it says. Rejects with `MailerUnavailable` else. */
  post(path: string, headers: Record<string, string>, body: string, signal: AbortSignal): Promise<ProviderResponse>
  close(): Promise<void>
}

const MAX_ANSWER_BYTES = 64 * 1024

/** A pool of connections to one provider. `timeoutMs` bounds the silence; the whole call ends with its signal. */
export const createHttpClient = (name: ProviderName, settings: ConnectionSettings & { url: string }): HttpClient => {
  const dispatcher = createEgress({ ...settings, maxAnswerBytes: MAX_ANSWER_BYTES })
  const base = settings.url.replace(/\/+$/, '')
  return {
    post: async (path, headers, body, signal) => {
      // A buffer of its own: this call is known by it when its head leaves.
      const bytes = Buffer.from(body)
      const options = { dispatcher, method: 'POST', headers, body: bytes, signal } as const
      try {
        return await tracedPost(`${base}${path}`, (url) => call(url, options))
      } catch (cause) {
        // Nothing of the mail has left, so nobody can have the code. Whatever else went wrong, the provider may have it.
        throw sent.has(bytes)
          ? new MailerUnavailable(`${name}-silent`, { isClearNo: false, cause })
          : new MailerUnavailable(`${name}-not-reached`, { isClearNo: true, cause })
      }
    },
    close: () => dispatcher.close(),
  }
}

/** The bodies of the requests whose head has been written. */
const sent = new WeakSet<Buffer>()

const written = v.object({ request: v.object({ body: v.instance(Buffer) }) })

diagnostics.subscribe('undici:client:sendHeaders', (message) => {
  if (v.is(written, message)) sent.add(message.request.body)
})

const call = async (url: string, options: Parameters<typeof request>[1]): Promise<ProviderResponse> => {
  const { statusCode, headers, body } = await request(url, options)
  const text = await body.text()
  return { status: statusCode, headers, body: text, json: readJson(text) }
}
