import * as v from 'valibot'

const inbox = v.object({
  data: v.array(
    v.object({
      to: v.tuple([v.string()]),
      text: v.string(),
      createdAt: v.string(),
      idempotencyKey: v.string(),
      code: v.nullable(v.string()),
    }),
  ),
})

/** The mails that the sandbox took, oldest first; of one person, or of all. */
export const readInbox = async (inboxUrl: string, email?: string) => {
  const query = email === undefined ? '' : `?to=${encodeURIComponent(email)}`
  const answer = await fetch(`${inboxUrl}/emails${query}`)
  return v.parse(inbox, await answer.json()).data.toReversed()
}
