import { createMiddleware } from 'hono/factory'
import { secureHeaders } from 'hono/secure-headers'
import type { ApiEnv } from './context.ts'

const setHeaders = secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: 'DENY',
  referrerPolicy: 'no-referrer',
  permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
})

/** Nothing of this API is to be stored, framed, sniffed or to load anything. A page that needs more says so itself. */
export const protectResponses = createMiddleware<ApiEnv>(async (c, next) => {
  await setHeaders(c, next)
  c.header('Cache-Control', 'no-store')
})
