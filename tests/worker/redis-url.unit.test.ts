import { describe, expect, test } from 'vitest'
import { readRedisUrl } from '../../src/worker/queue/backends/redis-url.ts'

const NOBODY = { username: undefined, password: undefined }

describe('a REDIS_URL', () => {
  test.each(['redis://h', 'rediss://user:p%40ss@h:6380/3', 'redis://:pass@[::1]:6379'])('%s is one Redis', (url) => {
    expect(readRedisUrl(url)).toEqual({ kind: 'single', url })
  })

  test('names Sentinels and the master that they watch', () => {
    expect(readRedisUrl('redis+sentinel://one,two:26380,[::1]/my-master')).toEqual({
      kind: 'sentinel',
      isTls: false,
      nodes: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 26_380 },
        { host: '::1', port: 26_379 },
      ],
      ...NOBODY,
      master: 'my-master',
      db: 0,
      sentinel: NOBODY,
    })
  })

  test('logs in to the master, and to the Sentinels with what the options say', () => {
    const url = 'rediss+sentinel://ada:p%40ss%2F@one/main/4?sentinel_username=eve&sentinel_password=p%26q'
    expect(readRedisUrl(url)).toMatchObject({
      isTls: true,
      username: 'ada',
      password: 'p@ss/',
      db: 4,
      sentinel: { username: 'eve', password: 'p&q' },
    })
  })

  test('names some nodes of a Cluster', () => {
    expect(readRedisUrl('rediss+cluster://:100%@one:7000,two')).toEqual({
      kind: 'cluster',
      isTls: true,
      nodes: [
        { host: 'one', port: 7000 },
        { host: 'two', port: 6379 },
      ],
      username: undefined,
      password: '100%',
    })
  })

  test.each([
    'http://h',
    'h:6379',
    'redis://one:7000,two:7000',
    'redis://h:70000',
    'redis+sentinel://one,two',
    'redis+sentinel://one/',
    'redis+sentinel://one/main/x',
    'redis+sentinel://one/main?sentinel_pasword=x',
    'redis+sentinel://one,,two/main',
    'redis+sentinel://one:70000/main',
    'redis+cluster://one/1',
    'redis+cluster://one?db=1',
    'redis+cluster://',
    'redis+replica://one/main',
  ])('is not %s', (url) => {
    expect(readRedisUrl(url)).toBeNull()
  })
})
