import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { describe, expect, inject, test } from 'vitest'
import { PATIENT } from '../worker/stage.ts'
import { type Commands, useLeastRights } from './least-rights.ts'

describe.runIf(inject('redis') === 'redis-server')('with jobs on Redis, under the least rights', () => {
  const { asAdmin, bearRedis, bearCommands } = useLeastRights()

  test.each<Commands>([
    { error: 'OOM', off: ['CONFIG', 'SET', 'maxmemory', '1'], on: ['CONFIG', 'SET', 'maxmemory', '0'] },
    {
      error: 'NOREPLICAS',
      off: ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
      on: ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
    },
    { error: 'READONLY', off: ['REPLICAOF', '127.0.0.1', '1'], on: ['REPLICAOF', 'NO', 'ONE'] },
  ])('$error is one line, and the worker rests until it is over', bearCommands)

  test('a Redis that cannot write its snapshot (MISCONF) is one line', async () => {
    await bearRedis(async () => {
      const [, folder = ''] = v.parse(v.array(v.string()), await asAdmin('CONFIG', 'GET', 'dir'))
      const snapshot = join(folder, 'dump.rdb')
      await mkdir(join(snapshot, 'in the way'), { recursive: true })
      await asAdmin('CONFIG', 'SET', 'save', '3600 1')
      await asAdmin('BGSAVE')
      await expect.poll(() => asAdmin('INFO', 'persistence'), PATIENT).toContain('rdb_last_bgsave_status:err')
      return async () => {
        await asAdmin('CONFIG', 'SET', 'save', '')
        await rm(snapshot, { recursive: true })
      }
    }, 'misconf@example.com')
  })
})
