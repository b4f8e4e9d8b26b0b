import * as v from 'valibot'

const filled = v.pipe(v.string(), v.nonEmpty('must not be empty'))

/** The members of Resend's `POST /emails` that Latchkey uses; further ones are let pass. */
export const messageSchema = v.pipe(
  v.object({
    from: filled,
    to: v.union([filled, v.pipe(v.array(filled), v.minLength(1), v.maxLength(50))]),
    subject: filled,
    text: v.optional(v.string()),
    html: v.optional(v.string()),
  }),
  v.check(({ text, html }) => Boolean(text) || Boolean(html), 'Missing `html` or `text` field.'),
)

export type Message = v.InferOutput<typeof messageSchema>
