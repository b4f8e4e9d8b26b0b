import { SpanStatusCode } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { tracedPost } from '../../../src/worker/providers/traced-post.ts'
import { spyOnSpan } from '../../support/spied-span.ts'

/** A call that is answered so, and what its span is told. */
const traceOf = async (url: string, status: number) => {
  const { within, read } = spyOnSpan()
  const answer = { status, headers: {}, body: '', json: undefined }
  const urls: string[] = []
  const call = async (called: string) => {
    urls.push(called)
    return answer
  }
  expect(await tracedPost(url, call, within)).toBe(answer)
  expect(urls).toEqual([url])
  return read()
}

test.each([
  { url: 'https://api.example/emails?key=secret', port: 443, full: 'https://api.example/emails' },
  { url: 'http://api.example/emails', port: 80, full: 'http://api.example/emails' },
  { url: 'https://key@api.example:8443/', port: 8443, full: 'https://api.example:8443/' },
])('a call to $url is a span of a client to port $port, without what is secret', async ({ url, port, full }) => {
  const attributes = {
    'http.request.method': 'POST',
    'server.address': 'api.example',
    'server.port': port,
    'url.full': full,
  }
  expect((await traceOf(url, 200)).begun).toEqual([{ name: 'POST', details: { kind: 'client', attributes } }])
})

test.each([200, 302, 399])('a %i is told, and no failure', async (status) => {
  const { told, failed } = await traceOf('https://api.example/', status)
  expect(told).toEqual({ 'http.response.status_code': status })
  expect(failed).toEqual([])
})

test.each([400, 503])('a %i is told as a failure', async (status) => {
  const { told, failed } = await traceOf('https://api.example/', status)
  expect(told).toEqual({ 'http.response.status_code': status, 'error.type': String(status) })
  expect(failed).toEqual([{ code: SpanStatusCode.ERROR }])
})
