import type { Mood } from '../model.ts'

/** What was done, as a `requests.http` that a person can replay by `make run`. */
export type Script = ReturnType<typeof createScript>

type Call = {
  method: string
  path: string
  by?: { email: string; password: string } | undefined
  body?: object | undefined
  headers?: Record<string, string>
}

const FAULTS: Record<Mood, object | null> = {
  accepts: null,
  slow: { kind: 'latency', ms: 9000 },
  silent: { kind: 'silent' },
  busy: { kind: 'status', status: 503 },
  'asks-to-wait': { kind: 'status', status: 503, retryAfter: '30' },
  refuses: { kind: 'status', status: 422 },
}

export const createScript = () => {
  const lines = ['@api = http://localhost:3000', '@sandbox = http://localhost:3003']
  const names = new Map<string, string>()
  const codes = new Map<string, string>()
  let registrations = 0

  const named = (path: string) => path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, (id) => `{{${names.get(id) ?? id}.id}}`)
  const coded = (body: string) =>
    body.replace(/(?<="code":")\d+/, (digits) => (codes.has(digits) ? `{{${codes.get(digits)}.code}}` : digits))

  return {
    nameOf: (id: string) => names.get(id) ?? id,
    /** The answer to the last registration has this id. */
    learn: (id: string) => {
      if (!names.has(id)) names.set(id, `registered${registrations}`)
    },
    call: ({ method, path, by, body, headers = {} }: Call, status: number) => {
      if (path === '/v1/users') registrations += 1
      lines.push(
        '',
        `### ${method} ${named(path)} answered ${status}`,
        ...(path === '/v1/users' ? [`# @name registered${registrations}`] : []),
        `${method} {{api}}${named(path)}`,
        ...(by ? [`Authorization: Basic {{Buffer.from('${by.email}:${by.password}').toString('base64')}}`] : []),
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        ...(body ? ['Content-Type: application/json', '', coded(JSON.stringify(body))] : []),
      )
    },
    /** A person reads this code. */
    taken: (to: string, code: string) => {
      const name = `mail${codes.size + 1}`
      codes.set(code, name)
      lines.push('', `### It brings ${code}`, `# @name ${name}`, `GET {{sandbox}}/mails?to=${to}&wait=20`)
    },
    mood: (mood: Mood) => {
      const fault = FAULTS[mood]
      lines.push('', `### The provider ${mood}, and every mail that waits is tried`)
      if (fault) lines.push('PUT {{sandbox}}/faults', 'Content-Type: application/json', '', JSON.stringify(fault))
      else lines.push('DELETE {{sandbox}}/faults')
    },
    sleep: (seconds: number) => lines.push('', `### ${seconds} seconds pass`, `# @sleep ${seconds * 1000}`),
    note: (text: string) => lines.push('', `### ${text}`),
    text: () => lines.join('\n'),
  }
}
