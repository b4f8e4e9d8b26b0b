import { onTestFinished } from 'vitest'
import { newRedisServer, type RedisServer } from '../support/redis-server.ts'
import type { Authority } from './certificates.ts'

/** A Redis that speaks TLS only, with a certificate of this authority; its password is `hunter2`. */
export const startTlsRedis = async (authority: Authority): Promise<RedisServer> => {
  const { certificate, key } = authority.issue('redis')
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', authority.certificate]
  const tls = ['--port', '0', ...files, '--tls-auth-clients', 'no', '--requirepass', 'hunter2']
  const redis = await newRedisServer((port) => ['--tls-port', String(port), '--bind', '127.0.0.1', ...tls], {
    tls: { rejectUnauthorized: false },
    password: 'hunter2',
  })
  await redis.start()
  onTestFinished(redis.kill)
  return redis
}
