import type { OutgoingMail } from './mailer.ts'

/** The mail that brings a code. The code stands alone on a line, and nothing else in the text looks like one. */
export const codeMessage = (to: string, ref: string, code: string, ttlSeconds: number): OutgoingMail => {
  const validity = `It is valid for at most ${wordsFor(ttlSeconds)} from the moment this mail was sent.`
  return {
    to,
    subject: `Your activation code (${ref})`,
    text: ['Your activation code is', '', code, '', validity, `Reference: ${ref}`, '', IGNORE, ''].join('\n'),
    html: page(
      `<p>Your activation code is</p><p style="font:700 32px/1.2 monospace;letter-spacing:.2em">${code}</p><p>${validity}<br>Reference: ${ref}</p><p>${IGNORE}</p>`,
    ),
  }
}

/** The mail to the owner of an account whose address somebody registered again. It brings no code. */
export const noticeMessage = (to: string, ref: string): OutgoingMail => {
  const lines = [
    'Somebody, perhaps you, tried to register with this e-mail address.',
    'You already have an account, so nothing was changed and there is no code. Sign in as usual.',
    NOT_YOU,
  ]
  return {
    to,
    subject: `You already have an account (${ref})`,
    text: [...lines.flatMap((line) => [line, '']), `Reference: ${ref}`, ''].join('\n'),
    html: page(`${lines.map((line) => `<p>${line}</p>`).join('')}<p>Reference: ${ref}</p>`),
  }
}

const IGNORE = 'If you did not ask for it, ignore this mail: without the code nothing happens.'
const NOT_YOU = 'If it was not you, ignore this mail: nobody gets in without your password.'

const page = (body: string): string =>
  `<!doctype html><html lang="en"><body style="font:16px/1.5 sans-serif">${body}</body></html>`

/** Never four digits in a row, which would look like a code. */
const wordsFor = (seconds: number): string => {
  if (seconds < 120) return seconds === 60 ? 'one minute' : `${seconds} second${seconds === 1 ? '' : 's'}`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} minutes`
  return `${Math.floor(seconds / 3600)} hours`
}
