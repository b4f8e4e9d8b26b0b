import { readFile } from 'node:fs/promises'
import type { Hono } from 'hono'
import { describeRoute } from 'hono-openapi'
import { forwardedPrefix } from '../../core/process/http/behind-proxy.ts'
import type { Network } from '../../core/process/http/client-network.ts'
import { describePage } from '../answers/openapi.ts'
import type { ApiEnv } from '../context.ts'

const ASSETS: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
}

const PIECE_BYTES = 65_536

// The validator badge would load from another host, and deep links would be links inside of buttons. What Swagger UI leaves
// without a name or with a heading's level left out is told to screen readers here.
const startOf = (prefix: string) =>
  `const set = (selector, attributes) => {
  for (const element of document.querySelectorAll(selector))
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
}
const nameParts = () => {
  set('.information-container', { role: 'region', 'aria-label': 'About the API' })
  set('.schemes-server-container', { role: 'region', 'aria-label': 'Server and credentials' })
  set('#servers', { 'aria-label': 'Server' })
  set('.examples-select-element', { 'aria-label': 'Example' })
  set('.opblock-tag, .models h4', { 'aria-level': 2 })
  set('.opblock-title, .opblock-section-header h4', { 'aria-level': 3 })
}
new MutationObserver(nameParts).observe(document.getElementById('docs'), { childList: true, subtree: true })
SwaggerUIBundle({ url: '${prefix}/openapi.json', dom_id: '#docs', validatorUrl: null })`

// Swagger UI's own colours are too pale to be read by everybody (WCAG 2.2, 1.4.3).
const COLOURS = `
.swagger-ui .info .title small pre, .swagger-ui .opblock[class] .opblock-summary-method { background: #3b4151; color: #fff; }
.swagger-ui .info a, .swagger-ui .info a.link, .swagger-ui .info .url, .swagger-ui a.nostyle.link { color: #1d4ed8; }
.swagger-ui .btn.authorize { border-color: #176b45; color: #176b45; }
.swagger-ui .btn.authorize svg { fill: #176b45; }
.swagger-ui .highlight-code span[style*="211, 99, 99"] { color: #ffa8a8 !important; }
.swagger-ui .parameter__in, .swagger-ui [class*="expand-deep-button"], .swagger-ui [class*="json-schema-2020-12"] { color: #3b4151; }
`

const pageOf = (prefix: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Latchkey API</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="${prefix}/docs/swagger-ui.css"><style>${COLOURS}</style>
<div id="docs">
<h1>How to register and activate a person</h1>
<ol>
<li><code>POST /v1/users</code> with <code>{"email", "password"}</code> as <code>application/json</code>: 202 with the user; a mail with a code leaves.</li>
<li><code>POST /v1/users/{id}/activation</code> with <code>{"code"}</code> and HTTP Basic (the address and the password): 200, the user is active.</li>
<li><code>GET /v1/users/{id}</code> shows the registration; <code>POST /v1/users/{id}/codes</code> mails a new code.</li>
</ol>
<p>Errors are <code>application/problem+json</code>; their <code>type</code> is a path that explains them. All of it: <code>/openapi.json</code>.</p>
</div>
<script src="${prefix}/docs/swagger-ui-bundle.js"></script>
<script src="${prefix}/docs/start.js"></script>
</html>`

// Swagger UI sets styles and has its pictures in its style sheet.
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const docsDocs = describePage('docs', 'The reference page', 'text/html', {
  200: 'A page to read and try the API; it loads nothing from another host.',
})

/** `GET /docs`: the reference page, from our own files only. */
export const addDocs = (app: Hono<ApiEnv>, trustedProxies: Network[]): void => {
  app.use('/docs', async (c, next) => {
    await next()
    c.header('Content-Security-Policy', CONTENT_SECURITY_POLICY)
  })
  app.get('/docs', describeRoute(docsDocs), (c) => c.html(pageOf(forwardedPrefix(c, trustedProxies))))
  app.get('/docs/start.js', (c) =>
    c.body(startOf(forwardedPrefix(c, trustedProxies)), 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  )
  for (const [name, type] of Object.entries(ASSETS)) {
    const file = new URL(import.meta.resolve(`swagger-ui-dist/${name}`))
    let kept: Uint8Array<ArrayBuffer> | undefined
    app.get(`/docs/${name}`, async (c) => {
      const content = kept ?? (await readFile(file))
      kept = content
      return c.body(ReadableStream.from(piecesOf(content)), 200, {
        'Content-Type': type,
        'Content-Length': String(content.length),
      })
    })
  }
}

/** A client that does not read holds views of the one copy in memory, and not a copy of its own. */
function* piecesOf(content: Uint8Array<ArrayBuffer>) {
  for (let at = 0; at < content.length; at += PIECE_BYTES) yield content.subarray(at, at + PIECE_BYTES)
}
