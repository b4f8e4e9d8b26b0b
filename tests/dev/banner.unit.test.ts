import { expect, test } from 'vitest'
import { banner } from '../../dev/banner.ts'

test('the banner says where the data are, wherever LATCHKEY_DATA put them', () => {
  const ports = { PORT: 1, API_OPS_PORT: 2, WORKER_OPS_PORT: 3, SANDBOX_PORT: 4 }
  expect(banner(ports, '/srv/latchkey', { OPS_USER: 'ops', OPS_PASSWORD: 'ops' })).toContain(
    'the data stay in /srv/latchkey',
  )
})
