import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { Hono } from 'hono'

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

// A previewed mail inherits this policy. Its inline styles are let pass, and can reach no other host; scripts cannot run.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
}

/** The inbox page and its parts; files are read anew each time, so that an edit shows on reload. */
export function pageRoutes() {
  const app = new Hono()
  for (const name of readdirSync(new URL('./inbox', import.meta.url))) {
    const file = new URL(`./inbox/${name}`, import.meta.url)
    const type = types[extname(name)]
    if (type === undefined) continue
    const path = name === 'index.html' ? '/' : `/${name}`
    app.get(path, async (c) => c.body(await readFile(file, 'utf8'), 200, { ...headers, 'Content-Type': type }))
  }
  return app
}
