import { afterAll } from 'vitest'

/** After the tests of a file that starts our HTTP server: Hono's puts a Request and a Response of its own into the process. */
export const restoreGlobals = (): void => {
  const { Request, Response } = globalThis
  afterAll(() => {
    Object.defineProperty(globalThis, 'Request', { value: Request })
    Object.defineProperty(globalThis, 'Response', { value: Response })
  })
}
