import * as v from 'valibot'
import { parseEmailAddress } from '../../core/credentials/email-address.ts'
import { findPasswordFault, isAddress } from '../../core/credentials/password.ts'
import { isLanguageTag } from '../../core/mail/writing/languages.ts'
import { CODE_PATTERN } from '../../core/registration/activation-code.ts'
import { findMetadataFault, isObject, type Metadata } from '../../core/registration/metadata.ts'

const string = () => v.string('must be a string')

const email = v.pipe(
  string(),
  v.check((value) => parseEmailAddress(value) !== null, 'must be an e-mail address such as user@example.com'),
  v.transform((value) => parseEmailAddress(value) ?? ''),
  v.metadata({
    description:
      'ASCII before the @ (at most 64 characters), a domain name after it; at most 254 in all. Stored in lower case.',
    examples: ['user@example.com'],
  }),
)

const password = (minLength: number) =>
  v.pipe(
    string(),
    v.check(
      (value) => findPasswordFault(value, null, minLength) === null,
      (issue) => findPasswordFault(issue.input, null, minLength) ?? '',
    ),
    v.metadata({
      description: `${minLength} to 256 characters of any script; no control characters, no well-known password, not the address.`,
      examples: ['correct horse battery'],
    }),
  )

const locale = v.pipe(
  string(),
  v.check(isLanguageTag, 'must be a language tag of BCP 47 such as pt-BR'),
  v.metadata({
    description: 'Chooses the language of the mails by look-up (RFC 4647). Without it Accept-Language does.',
    examples: ['en'],
  }),
)

/** Not an object of Valibot's, which would leave out names such as __proto__. */
const metadata = v.pipe(
  v.custom<Metadata>(
    (value) => findMetadataFault(value) === null,
    (issue) => findMetadataFault(issue.input) ?? '',
  ),
  v.metadata({
    description: 'Your own data, given back as they came: at most 1,024 bytes as compact JSON.',
    examples: [{ plan: 'free' }],
  }),
)

/** The body of a registration. Gives the canonical address. */
export const registrationSchema = (passwordMinLength: number) =>
  v.pipe(
    v.strictObject({
      email,
      password: password(passwordMinLength),
      locale: v.optional(locale),
      metadata: v.optional(metadata),
    }),
    v.forward(
      v.partialCheck(
        [['email'], ['password']],
        (input) => !isAddress(input.password, input.email),
        'must not be the e-mail address',
      ),
      ['password'],
    ),
  )

/** The body of a change of password; `email` is the account's, null for documents. */
export const passwordSchema = (minLength: number, email: string | null) =>
  v.strictObject({
    password: v.pipe(
      password(minLength),
      v.check((value) => email === null || !isAddress(value, email), 'must not be the e-mail address'),
    ),
  })

/** The body of an activation. */
export const activationSchema = v.strictObject({
  code: v.pipe(
    string(),
    v.regex(CODE_PATTERN, 'must be a string of 4 digits, or 8 when the mail has 8'),
    v.metadata({ examples: ['0427'] }),
  ),
})

const time = v.pipe(v.string(), v.isoTimestamp())

const codeSchema = v.object({
  status: v.pipe(
    v.picklist(['queued', 'sent', 'expired', 'exhausted', 'undeliverable']),
    v.description(
      'queued: not with the mail provider yet; exhausted: attempts used up; undeliverable: the mail could not be sent for good',
    ),
  ),
  sentAt: v.nullable(time),
  deliveredAt: v.pipe(
    v.nullable(time),
    v.description('When the mail provider reported that the mailbox took the mail; null where it reports nothing.'),
  ),
  expiresAt: v.pipe(v.nullable(time), v.description('The minute starts when the mail provider takes the mail.')),
  attemptsLeft: v.pipe(v.number(), v.integer(), v.minValue(0)),
  resendAfter: v.pipe(time, v.description('From then on another code may be asked for.')),
})

/** A registration as the API shows it. */
export const userSchema = v.object({
  id: v.pipe(v.string(), v.uuid()),
  email: v.pipe(
    v.string(),
    v.check((value) => parseEmailAddress(value) === value),
    v.description('The canonical form: lower case, the domain in A-labels.'),
  ),
  status: v.picklist(['pending', 'active']),
  ref: v.pipe(
    v.string(),
    v.description('Stands in the mail too, so that a person with two mails knows which one belongs here.'),
  ),
  locale: v.pipe(v.string(), v.description('The language of the mails.')),
  metadata: v.pipe(
    v.custom<Metadata>(isObject, 'must be a JSON object'),
    v.description('What the registration brought. The order of members may be another.'),
  ),
  createdAt: time,
  activatedAt: v.nullable(time),
  code: v.pipe(v.nullable(codeSchema), v.description('The current code; null when the user is active.')),
})

/** A problem document of RFC 9457 as the API sends it. */
export const problemSchema = v.looseObject({
  type: v.string(),
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.string(),
  requestId: v.string(),
  attemptsLeft: v.optional(
    v.pipe(v.number(), v.integer(), v.description('With code-incorrect: how many attempts are left.')),
  ),
  errors: v.optional(
    v.pipe(
      v.array(v.object({ pointer: v.string(), detail: v.string() })),
      v.description('With invalid-input: what is wrong where.'),
    ),
  ),
})
