/** A sender such as `Latchkey <codes@example.com>`; `name` is as people read it, without quotes. */
export type Sender = { name: string | null; email: string }

export const parseSender = (from: string): Sender => {
  const [, phrase = '', email = from] = /^(.*?)\s*<([^<>]+)>$/s.exec(from.trim()) ?? []
  const quoted = /^"(.*)"$/s.exec(phrase)?.[1]
  const name = quoted === undefined ? phrase : quoted.replaceAll(/\\(.)/gs, '$1')
  return { name: name === '' ? null : name, email: email.trim() }
}

/** As a header field holds it (RFC 5322, 3.4): a name with commas, quotes or brackets is quoted, letters of any script stay. */
export const formatSender = ({ name, email }: Sender): string => {
  if (name === null) return email
  return /[()<>[\]:;@\\,"]/.test(name) ? `"${name.replaceAll(/["\\]/g, '\\$&')}" <${email}>` : `${name} <${email}>`
}

/** Without a member for the name where there is none. */
export const namedSender = (from: string): { email: string; name?: string } => {
  const { name, email } = parseSender(from)
  return { email, ...(name !== null && { name }) }
}

export const domainOf = (from: string): string => parseSender(from).email.split('@').at(-1) ?? ''
