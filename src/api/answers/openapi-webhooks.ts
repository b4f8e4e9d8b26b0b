import type { EventType } from '../../core/postgres/outbox/events.ts'

const MEANINGS = {
  'user.activated': 'A registration has become active.',
  'user.password-changed': 'The password of an account was replaced.',
  'user.deleted': 'A registration is gone; only its id is told.',
  'mail.undeliverable': 'A mail does not reach its address; told once for each mail.',
} satisfies Record<EventType, string>

const time = { type: 'string', format: 'date-time' } as const
const id = { type: 'string', format: 'uuid' } as const

const user = {
  type: 'object',
  description: 'As it was then. Of a user who is deleted, and of an event that waited for too long, the id alone.',
  required: ['id'],
  properties: {
    id,
    email: { type: 'string' },
    locale: { type: 'string' },
    metadata: { type: 'object', additionalProperties: true },
    createdAt: time,
    activatedAt: { anyOf: [time, { type: 'null' }] },
  },
} as const

const mail = {
  type: 'object',
  required: ['id', 'reason'],
  properties: { id, reason: { type: 'string', description: 'Such as `refused`, `given-up` or `hard-bounce`.' } },
} as const

const header = (name: string, description: string) => ({
  ...{ name, description, in: 'header', required: true },
  schema: { type: 'string' },
})

const HEADERS = [
  header('webhook-id', 'The same at every try: drop what you know already.'),
  header('webhook-timestamp', 'Seconds since 1970, of this try.'),
  header('webhook-signature', '`v1,` and HMAC-SHA-256 in base64, one for each key, by spaces.'),
]

const describeEvent = (type: EventType, description: string) => ({
  post: {
    operationId: type.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase()),
    ...{ summary: type, description, tags: ['events'], security: [], parameters: HEADERS },
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['type', 'timestamp', 'data'],
            properties: {
              type: { type: 'string', const: type },
              timestamp: time,
              data: {
                ...{ type: 'object', required: ['user'] },
                properties: type === 'mail.undeliverable' ? { user, mail } : { user },
              },
            },
          },
        },
      },
    },
    responses: {
      '2XX': { description: 'Taken, within 15 seconds.' },
      '4XX': { description: 'Any other answer, and none: told again later.' },
    },
  },
})

/** What is posted to `WEBHOOK_URL`, as Standard Webhooks: the document's part about events. */
export const webhooks = {
  'user.activated': describeEvent('user.activated', MEANINGS['user.activated']),
  'user.password-changed': describeEvent('user.password-changed', MEANINGS['user.password-changed']),
  'user.deleted': describeEvent('user.deleted', MEANINGS['user.deleted']),
  'mail.undeliverable': describeEvent('mail.undeliverable', MEANINGS['mail.undeliverable']),
} satisfies Record<EventType, unknown>
