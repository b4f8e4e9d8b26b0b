import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Authority = {
  certificate: string
  issue(name: string, names?: string): { certificate: string; key: string }
}

const KEY = ['-newkey', 'rsa:2048', '-nodes']

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0

/** A certificate authority of the test's own, made by openssl in `folder`; all that it gives are paths. */
export const createAuthority = (folder: string, name: string): Authority => {
  const path = (file: string) => join(folder, `${name}-${file}`)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
  const [key, certificate] = [path('ca.key'), path('ca.crt')]
  openssl('req', '-x509', ...KEY, '-keyout', key, '-out', certificate, '-days', '2', '-subj', `/CN=${name}`)
  return {
    certificate,
    issue: (server, names = 'IP:127.0.0.1') => {
      const [serverKey, request, serverCertificate, extensions] = [
        path(`${server}.key`),
        path(`${server}.csr`),
        path(`${server}.crt`),
        path(`${server}.ext`),
      ]
      writeFileSync(extensions, `subjectAltName=${names}`)
      openssl('req', ...KEY, '-keyout', serverKey, '-out', request, '-subj', `/CN=${server}`)
      const signing = ['-CA', certificate, '-CAkey', key, '-CAcreateserial', '-days', '2', '-extfile', extensions]
      openssl('x509', '-req', '-in', request, '-out', serverCertificate, ...signing)
      return { certificate: serverCertificate, key: serverKey }
    },
  }
}
