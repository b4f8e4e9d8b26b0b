import { createMiddleware } from 'hono/factory'
import { secureHeaders } from 'hono/secure-headers'
import type { ApiEnv } from '../context.ts'

const setHeaders = secureHeaders({
  strictTransportSecurity: false,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: 'DENY',
  referrerPolicy: 'no-referrer',
  permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
})

/** Nothing of this API is to be stored, framed, sniffed or to load anything; a page that loads something has set its own policy. */
export const protectResponses = createMiddleware<ApiEnv>(async (c, next) => {
  let ownPolicy: string | null = null
  await setHeaders(c, async () => {
    await next()
    ownPolicy = c.res.headers.get('Content-Security-Policy')
  })
  if (ownPolicy !== null) c.header('Content-Security-Policy', ownPolicy)
  c.header('Cache-Control', 'no-store')
})
