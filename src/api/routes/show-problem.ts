import type { Context } from 'hono'
import { accepts } from 'hono/accepts'
import { html } from 'hono/html'
import type { DescribeRouteOptions } from 'hono-openapi'
import { problemResponses } from '../answers/openapi.ts'
import { type ProblemSlug, problems, RequestRefused } from '../answers/problems.ts'
import type { ApiEnv } from '../context.ts'

/** What a problem type means, for a person in a browser or for a program. */
export const showProblem =
  (serviceName: string) =>
  (c: Context<ApiEnv>): Response | Promise<Response> => {
    const slug = c.req.param('slug') ?? ''
    if (!isProblem(slug)) throw new RequestRefused('not-found')
    const { title, status, meaning, advice } = problems[slug]
    const type = accepts(c, {
      header: 'Accept',
      supports: ['application/json', 'text/html'],
      default: 'application/json',
    })
    if (type === 'application/json') return c.json({ type: `/problems/${slug}`, title, status, meaning, advice })
    return c.html(html`<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>${title} – ${serviceName}</title>
<main>
<h1>${title}</h1>
<p><code>${slug}</code>, status ${status}</p>
<p>${meaning}</p>
<p>${advice}</p>
</main>
</html>`)
  }

const isProblem = (slug: string): slug is ProblemSlug => Object.hasOwn(problems, slug)

export const showProblemDocs: DescribeRouteOptions = {
  operationId: 'showProblem',
  summary: 'What a problem type means and what a client does about it',
  tags: ['problems'],
  parameters: [{ name: 'slug', in: 'path', required: true, schema: { type: 'string', enum: Object.keys(problems) } }],
  responses: {
    200: {
      description: 'The meaning and the advice, as JSON or HTML.',
      content: { 'application/json': { schema: { type: 'object' } }, 'text/html': {} },
    },
    ...problemResponses(['not-found']),
  },
}
