import * as v from 'valibot'
import { type DocumentedError, fromHeader, JSON_TYPE, type ProviderFacts } from '../provider/facts.ts'
import { readJson } from '../read-json.ts'

const API = 'https://docs.aws.amazon.com/ses/latest/APIReference-V2'
const SEND_ERRORS = `${API}/API_SendEmail.html#API_SendEmail_Errors`
const COMMON_ERRORS = `${API}/CommonErrors.html`
const MESSAGES = 'https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html'

const error = (
  status: number,
  type: string,
  message: string,
  means: DocumentedError['means'],
  word: string,
  document = SEND_ERRORS,
): DocumentedError => ({
  status,
  headers: { 'x-amzn-errortype': type },
  body: { message },
  document,
  means,
  word: `ses-${status} ${word}`,
})

const common = (status: number, type: string, word: string, means: DocumentedError['means'] = 'us') =>
  error(status, type, 'As the document says.', means, word, COMMON_ERRORS)

const text = v.string()
const part = v.object({ Data: text })

const mailSchema = v.object({
  FromEmailAddress: text,
  Destination: v.object({ ToAddresses: v.array(text) }),
  Content: v.object({ Simple: v.object({ Subject: part, Body: v.object({ Text: part, Html: part }) }) }),
  EmailTags: v.optional(v.array(v.object({ Name: text, Value: text })), []),
})

const decoded = (from: string) => {
  const [, name, email = ''] = /^=\?UTF-8\?B\?(.+)\?= <(.+)>$/.exec(from) ?? []
  return name === undefined ? from : fromHeader(Buffer.from(name, 'base64').toString(), email)
}

export const facts: ProviderFacts = {
  path: '/v2/email/outbound-emails',
  // The signature itself is checked in the tests, against the official SDK.
  // The id of a key stands before the key.
  apiKey: 'SANDBOX:key-of-the-sandbox',
  region: 'eu-central-1',
  isAuthentic: (headers, apiKey) =>
    headers.get('authorization')?.startsWith(`AWS4-HMAC-SHA256 Credential=${apiKey.split(':')[0]}/`) ?? false,
  request: ({ sender, to, subject, text: plain, html, key }) => ({
    path: '/v2/email/outbound-emails',
    headers: JSON_TYPE,
    body: {
      FromEmailAddress: fromHeader(sender.name, sender.email),
      Destination: { ToAddresses: [to] },
      Content: {
        Simple: {
          Subject: { Data: subject, Charset: 'UTF-8' },
          Body: { Text: { Data: plain, Charset: 'UTF-8' }, Html: { Data: html, Charset: 'UTF-8' } },
        },
      },
      EmailTags: [{ Name: 'key', Value: key }],
    },
  }),
  read: (body) => {
    const { success, output } = v.safeParse(mailSchema, readJson(body))
    // It takes no other letters; a name that has some is an encoded word (RFC 2047).
    if (!success || !/^[\x20-\x7e]+$/.test(output.FromEmailAddress)) return null
    const { Subject, Body } = output.Content.Simple
    return {
      from: decoded(output.FromEmailAddress),
      to: output.Destination.ToAddresses,
      subject: Subject.Data,
      text: Body.Text.Data,
      html: Body.Html.Data,
      key: output.EmailTags.find(({ Name }) => Name === 'key')?.Value ?? null,
    }
  },
  accept: (id) => ({ status: 200, body: { MessageId: id } }),
  errors: {
    unauthorized: error(
      403,
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      'us',
      'unrecognized-client',
      COMMON_ERRORS,
    ),
    invalid: error(400, 'BadRequestException', 'Illegal address', 'this-address', 'invalid-recipient'),
    'message-rejected': error(
      400,
      'MessageRejected',
      'Email address is on the suppression list.',
      'this-mail',
      'message-rejected',
    ),
    'identity-not-verified': error(
      400,
      'MessageRejected',
      'Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: codes@example.com',
      'us',
      'identity-not-verified',
      MESSAGES,
    ),
    'account-suspended': error(
      400,
      'AccountSuspendedException',
      "The message can't be sent because the account's ability to send email has been permanently restricted.",
      'us',
      'account-suspended',
    ),
    'sending-paused': error(
      400,
      'SendingPausedException',
      "The message can't be sent because the account's ability to send email is currently paused.",
      'us',
      'sending-paused',
    ),
    'domain-not-verified': error(
      400,
      'MailFromDomainNotVerifiedException',
      "The message can't be sent because the sending domain isn't verified.",
      'us',
      'mail-from-domain-not-verified',
    ),
    'bad-request': error(400, 'BadRequestException', 'The input you provided is invalid.', 'us', 'bad-request'),
    'not-found': error(404, 'NotFoundException', "The resource doesn't exist.", 'us', 'not-found'),
    'expired-token': common(403, 'ExpiredTokenException', 'expired-token'),
    'incomplete-signature': common(403, 'IncompleteSignature', 'incomplete-signature'),
    'invalid-client-token': common(403, 'InvalidClientTokenId', 'invalid-client-token-id'),
    'missing-token': common(403, 'MissingAuthenticationToken', 'missing-authentication-token'),
    'not-authorized': common(401, 'NotAuthorized', 'not-authorized'),
    'opt-in-required': common(403, 'OptInRequired', 'opt-in-required'),
    'request-expired': common(400, 'RequestExpired', 'request-expired'),
    'validation-error': common(400, 'ValidationError', 'validation-error'),
    throttling: common(400, 'ThrottlingException', 'throttling', 'wait'),
    'invalid-signature': error(
      403,
      'InvalidSignatureException',
      'The request signature we calculated does not match.',
      'us',
      'invalid-signature',
      'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html',
    ),
    'internal-service-error': error(
      500,
      'InternalServiceErrorException',
      "The request couldn't be processed because an error occurred with the Amazon SES API v2.",
      'silence',
      'internal-service-error',
      'https://docs.aws.amazon.com/botocore/latest/reference/services/sesv2/client/exceptions/InternalServiceErrorException.html',
    ),
    'access-denied': error(
      403,
      'AccessDeniedException',
      'Not authorized to perform ses:SendEmail',
      'us',
      'access-denied',
      COMMON_ERRORS,
    ),
    'signature-does-not-match': error(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match.',
      'us',
      'signature-does-not-match',
      COMMON_ERRORS,
    ),
    'limit-exceeded': error(400, 'LimitExceededException', 'There are too many instances.', 'wait', 'limit-exceeded'),
    'too-many-requests': error(
      429,
      'TooManyRequestsException',
      'Maximum sending rate exceeded.',
      'wait',
      'too-many-requests',
    ),
    'service-unavailable': error(
      503,
      'ServiceUnavailable',
      'Failed due to a temporary failure.',
      'wait',
      'service-unavailable',
      COMMON_ERRORS,
    ),
    'internal-failure': error(500, 'InternalFailure', 'Unknown error.', 'silence', 'internal-failure', COMMON_ERRORS),
  },
  // Only Amazon has the certificate that signs them.
  openEvents: null,
}
