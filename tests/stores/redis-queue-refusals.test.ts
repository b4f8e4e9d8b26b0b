import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { describe, inject } from 'vitest'
import { testOn } from '../support/test-on.ts'
import { type Commands, setLeastRights } from './least-rights.ts'

describe.runIf(inject('redis') === 'redis-server')(
  'with jobs on Redis, under the least rights',
  { concurrent: true },
  () => {
    const test = testOn(setLeastRights)

    test.for<Commands>([
      { error: 'OOM', off: ['CONFIG', 'SET', 'maxmemory', '1'], on: ['CONFIG', 'SET', 'maxmemory', '0'] },
      {
        error: 'NOREPLICAS',
        off: ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
        on: ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
      },
      { error: 'READONLY', off: ['REPLICAOF', '127.0.0.1', '1'], on: ['REPLICAOF', 'NO', 'ONE'] },
    ])('$error is one line, and the worker rests until it is over', (commands, { stage, expect }) =>
      stage.bearCommands(commands, expect),
    )

    test('a Redis that cannot write its snapshot (MISCONF) is one line', async ({ stage, expect }) => {
      const { asAdmin } = stage
      await stage.bearRedis(
        async () => {
          const [, folder = ''] = v.parse(v.array(v.string()), await asAdmin('CONFIG', 'GET', 'dir'))
          const snapshot = join(folder, 'dump.rdb')
          await mkdir(join(snapshot, 'in the way'), { recursive: true })
          await asAdmin('CONFIG', 'SET', 'save', '3600 1')
          await asAdmin('BGSAVE')
          await expect.poll(() => asAdmin('INFO', 'persistence')).toContain('rdb_last_bgsave_status:err')
          return async () => {
            await asAdmin('CONFIG', 'SET', 'save', '')
            await rm(snapshot, { recursive: true })
          }
        },
        'misconf@example.com',
        expect,
      )
    })
  },
)
