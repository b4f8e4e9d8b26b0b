import type { Keyring } from '../../src/core/credentials/keyring.ts'
import { deriveCode } from '../../src/core/registration/activation-code.ts'
import type { Ledger, MailEntry } from './ledger.ts'
import type { Registration } from './people.ts'
import type { Take, Takes } from './takes.ts'

// Between two looks at a clock of two processes on a busy machine.
const SLACK_MS = 1000

export type Rules = { keyring: Keyring; ttlMs: number; timeoutMs: number }

/** Compares who was answered with 202, what PostgreSQL holds and what the provider took; gives every line that does not balance. */
export const balance = (registered: Registration[], ledger: Ledger, takes: Takes, rules: Rules): string[] => {
  const mailsOf = Map.groupBy(ledger.mails, (mail) => mail.userId)
  const answered = new Set(registered.map((one) => one.id))
  const wrongs = [...takes.wrongs]
  for (const id of ledger.userIds) if (!answered.has(id)) wrongs.push(`user ${id} is stored, and nobody got its 202`)
  for (const { id, email } of registered) {
    const [mail, ...others] = mailsOf.get(id) ?? []
    if (!mail || others.length > 0) wrongs.push(`202 of ${id} has ${mail ? others.length + 1 : 0} mails`)
    else wrongs.push(...checkMail(mail, email, takes, ledger, rules).map((wrong) => `mail ${mail.id}: ${wrong}`))
  }
  for (const take of takes.byKey.values()) wrongs.push(...checkTake(take, ledger, rules))
  for (const sameAddress of takes.byAddress.values()) wrongs.push(...checkSeconds(sameAddress, rules))
  return wrongs
}

/** The mail is accepted, and the provider took it with a code that its reader can still use for half of its time. */
const checkMail = (mail: MailEntry, email: string, takes: Takes, ledger: Ledger, rules: Rules): string[] => {
  if (mail.email !== email) return [`is for ${mail.email}, not for ${email}`]
  if (mail.outcome !== 'accepted') return [`ends as ${mail.outcome ?? 'unsettled'}`]
  const take = takes.byKey.get(mail.codeId)
  const code = ledger.codes.get(mail.codeId)
  if (!take || !code) return ['is accepted, and the provider never took it']
  const leftMs = (code.expiresAt ?? 0) - take.at
  if (leftMs < rules.ttlMs / 2 - SLACK_MS - rules.timeoutMs)
    return [`had ${Math.round(leftMs)} ms left when it was taken`]
  if (code.supersededAt !== null) return ['brought a code that is superseded']
  return []
}

/** What a person reads is the code of its key, which was not dead then and does not live beyond its time. */
const checkTake = (take: Take, ledger: Ledger, rules: Rules): string[] => {
  const code = ledger.codes.get(take.key)
  if (!code) return [`key ${take.key}: no code of this id`]
  const wrongs: string[] = []
  if (!take.text.split('\n').includes(deriveCode(rules.keyring, code) ?? '')) wrongs.push('the text has another code')
  if (code.supersededAt !== null && code.supersededAt < take.at) wrongs.push('taken when it was superseded')
  if (code.expiresAt === null) wrongs.push('taken, and closed afterwards')
  else if (code.expiresAt < take.at) wrongs.push('taken when it was dead')
  else if (code.expiresAt - take.at > rules.ttlMs + 2 * rules.timeoutMs + SLACK_MS) {
    wrongs.push(`lives for ${Math.round(code.expiresAt - take.at)} ms after it was taken`)
  }
  return wrongs.map((wrong) => `key ${take.key} (${take.to}): ${wrong}`)
}

/** A second mail is right only where the first was never answered and its code is half spent. */
const checkSeconds = (takes: Take[], rules: Rules): string[] =>
  takes.flatMap((take, index) => {
    const former = takes[index - 1]
    const afterMs = take.at - (former?.at ?? 0)
    return afterMs < rules.ttlMs / 2 - SLACK_MS - rules.timeoutMs
      ? [`${take.to}: a second code ${afterMs} ms after the first (${former?.mood})`]
      : []
  })
