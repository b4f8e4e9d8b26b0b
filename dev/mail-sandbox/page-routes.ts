import { readFile } from 'node:fs/promises'
import { Hono } from 'hono'

const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const JS = 'text/javascript; charset=utf-8'
const SVG = 'image/svg+xml'

const files = [
  { path: '/', file: 'index.html', type: HTML },
  { path: '/icon.svg', file: 'icon.svg', type: SVG },
  { path: '/base.css', file: 'base.css', type: CSS },
  { path: '/inbox.css', file: 'inbox.css', type: CSS },
  { path: '/mail.css', file: 'mail.css', type: CSS },
  { path: '/preview.css', file: 'preview.css', type: CSS },
  { path: '/faults.css', file: 'faults.css', type: CSS },
  { path: '/main.js', file: 'main.js', type: JS },
  { path: '/live.js', file: 'live.js', type: JS },
  { path: '/inbox.js', file: 'inbox.js', type: JS },
  { path: '/mail-card.js', file: 'mail-card.js', type: JS },
  { path: '/ages.js', file: 'ages.js', type: JS },
  { path: '/copy.js', file: 'copy.js', type: JS },
  { path: '/fault-panel.js', file: 'fault-panel.js', type: JS },
  { path: '/fault-banner.js', file: 'fault-banner.js', type: JS },
]

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
  for (const { path, file, type } of files) {
    const place = new URL(`./page/${file}`, import.meta.url)
    app.get(path, async (c) => c.body(await readFile(place, 'utf8'), 200, { ...headers, 'Content-Type': type }))
  }
  return app
}
