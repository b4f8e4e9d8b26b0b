import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { Hono } from 'hono'
import { textsPage } from './texts-page.ts'

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
}

/** The folders of files that a browser gets, and where it finds their `index.html`; the other files stand below it. */
const pages = [
  { folder: 'inbox', path: '/', below: '' },
  { folder: 'sign-up', path: '/sign-up', below: '/sign-up' },
  { folder: 'sign-up/languages', path: null, below: '/sign-up/languages' },
]

/** The pages and their parts; files are read anew each time, so that an edit shows on reload. `apiUrl` is for the sign-up page. */
export function pageRoutes(apiUrl: string) {
  const app = new Hono()
  const headers = headersFor(apiUrl)
  for (const { folder, path, below } of pages) {
    for (const name of readdirSync(new URL(`./${folder}`, import.meta.url))) {
      const type = types[extname(name)]
      const place = name === 'index.html' ? path : `${below}/${name}`
      if (type === undefined || place === null || name === 'tsconfig.json') continue
      const file = new URL(`./${folder}/${name}`, import.meta.url)
      app.get(place, async (c) => {
        const text = await readFile(file, 'utf8')
        return c.body(text.replace('{{apiUrl}}', apiUrl), 200, { ...headers, 'Content-Type': type })
      })
    }
  }
  app.get('/texts', async (c) => c.html(await textsPage(), 200, headers))
  return app
}

// A previewed mail inherits this policy. Its inline styles are let pass, and can reach no other host; scripts cannot run.
function headersFor(apiUrl: string) {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    `connect-src 'self' ${apiUrl}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'Content-Security-Policy': policy.join('; '),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  }
}
