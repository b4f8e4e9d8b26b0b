import { HttpRequestInterceptor } from '@mswjs/interceptors/http'
import { defineNetwork, InterceptorSource } from 'msw/experimental'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { ProviderName } from '../../../src/core/mail/providers/providers.ts'
import { createTestMailer } from './mailer-cases.ts'

export const URL_OF_TESTS = 'http://mail-provider.test'

/** What the calls of a file go to in place of the network; each test says what answers. */
export const shareNetwork = () => {
  const network = defineNetwork({
    sources: [new InterceptorSource({ interceptors: [new HttpRequestInterceptor()] })],
    handlers: [],
    onUnhandledFrame: 'error',
    context: { quiet: true },
  })
  beforeAll(() => network.enable())
  afterEach(() => network.resetHandlers())
  afterAll(() => network.disable())
  return network
}

/** A mailer for each test of a `describe`. */
export const useMailer = (name: ProviderName) => {
  let mailer: ReturnType<typeof createTestMailer>
  beforeEach(() => {
    mailer = createTestMailer(name, URL_OF_TESTS, { timeoutMs: 2000 })
  })
  afterEach(() => mailer.close())
  return { send: () => mailer.send() }
}
