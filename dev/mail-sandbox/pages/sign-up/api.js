/**
 * @typedef {'queued' | 'sent' | 'expired' | 'exhausted' | 'undeliverable'} CodeStatus
 * @typedef {{ status: CodeStatus, sentAt: string | null, deliveredAt?: string | null, expiresAt: string | null,
 *   attemptsLeft: number, resendAfter: string }} Code
 * @typedef {{ id: string, email: string, status: 'pending' | 'active', ref: string, createdAt: string, code: Code | null }} User
 * @typedef {{ email: string, password: string }} Credentials
 *
 * Why a request was refused: the word of the problem's type, or `offline` when there was no answer at all.
 * @typedef {{ problem: string, retryAfterSeconds: number, fields: string[] }} Refusal
 * @typedef {{ user: User, refusal: null } | { user: null, refusal: Refusal }} Answer
 */

const TIMEOUT_MS = 20_000

/** The calls of the public API that a sign-up needs. None throws: what goes wrong is in the answer. */
export class Api {
  /** @param {string} origin */
  constructor(origin) {
    this.origin = origin
  }

  /**
   * The same key repeats the same registration: whoever presses twice, or again after a lost answer, gets one mail.
   * @param {Credentials} credentials
   * @param {{ key: string, locale: string }} options
   */
  register(credentials, { key, locale }) {
    return this.#call('POST', '/v1/users', { 'Idempotency-Key': key }, { ...credentials, locale })
  }

  /** @param {string} id @param {Credentials} credentials */
  read(id, credentials) {
    return this.#call('GET', `/v1/users/${id}`, basic(credentials))
  }

  /** @param {string} id @param {Credentials} credentials */
  resend(id, credentials) {
    return this.#call('POST', `/v1/users/${id}/codes`, basic(credentials))
  }

  /** @param {string} id @param {Credentials} credentials @param {string} code */
  activate(id, credentials, code) {
    return this.#call('POST', `/v1/users/${id}/activation`, basic(credentials), { code })
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Record<string, string>} headers
   * @param {object} [body]
   * @returns {Promise<Answer>}
   */
  async #call(method, path, headers, body) {
    try {
      const answer = await fetch(this.origin + path, {
        method,
        headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // No cookies: Basic credentials are sent by hand, and the browser must not ask for others.
        credentials: 'omit',
        cache: 'no-store',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const content = await answer.json()
      return answer.ok ? { user: content, refusal: null } : { user: null, refusal: refusalIn(content, answer.headers) }
    } catch {
      return { user: null, refusal: { problem: 'offline', retryAfterSeconds: 0, fields: [] } }
    }
  }
}

/** `crypto.randomUUID` is there on https and localhost only; this is everywhere. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** HTTP Basic in UTF-8 (RFC 7617). @param {Credentials} credentials */
function basic({ email, password }) {
  const bytes = new TextEncoder().encode(`${email}:${password}`)
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` }
}

/**
 * @param {{ type?: string, errors?: { pointer: string }[] }} problem a problem document (RFC 9457)
 * @param {Headers} headers
 * @returns {Refusal}
 */
function refusalIn({ type = '', errors = [] }, headers) {
  return {
    problem: type.slice(type.lastIndexOf('/') + 1),
    retryAfterSeconds: Number(headers.get('Retry-After')) || 0,
    fields: errors.map(({ pointer }) => pointer.slice(pointer.lastIndexOf('/') + 1)),
  }
}
