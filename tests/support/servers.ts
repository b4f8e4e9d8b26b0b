import { spawnSync } from 'node:child_process'
import type { TestProject } from 'vitest/node'
import { findBrowser } from '../../dev/browser.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether the Redis half runs: with a `redis-server` of its own for each file, or on `REDIS_URL`. */
    redis: 'redis-server' | 'REDIS_URL' | 'none'
    /** Whether there is Prometheus's `promtool`, which evaluates the alert rules. */
    hasPromtool: boolean
    /** Whether there is a browser for the tests of pages. */
    browser: boolean
    /** What that Redis is; set by `vitest.config.ts`. Only a single one can be given by `REDIS_URL`. */
    redisKind: 'single' | 'sentinel' | 'cluster'
  }
}

/** Finds what runs beside PostgreSQL, and says loudly what cannot run: the Redis half, or the pages in a browser. */
export default ({ provide, config, name }: TestProject): void => {
  // Once: the projects for other kinds of Redis need the same.
  const say = name === 'integration' ? (words: string) => void process.stderr.write(`\n*** ${words} ***\n\n`) : () => {}
  provide('redis', findRedis(config.provide.redisKind === 'single', say))
  provide('hasPromtool', findPromtool(say))
  provide('browser', isBrowserThere(say))
}

type Say = (words: string) => void

const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0

const findRedis = (isSingle: boolean, say: Say): 'redis-server' | 'REDIS_URL' | 'none' => {
  if (process.env.REDIS_URL && isSingle) return 'REDIS_URL'
  if (isThere('redis-server')) return 'redis-server'
  if (process.env.REQUIRE_REDIS)
    throw new Error('REQUIRE_REDIS is set, and there is neither a redis-server nor a REDIS_URL')
  say('THE REDIS HALF OF THE TESTS DOES NOT RUN: there is no redis-server on PATH and no REDIS_URL.')
  return 'none'
}

const findPromtool = (say: Say): boolean => {
  if (isThere('promtool')) return true
  say("THE ALERT RULES ARE NOT TESTED: there is no promtool on PATH (Debian's package prometheus has it).")
  return false
}

const isBrowserThere = (say: Say): boolean => {
  if (findBrowser() !== null) return true
  if (process.env.REQUIRE_BROWSER) throw new Error('REQUIRE_BROWSER is set, and there is no Chromium on PATH')
  say('THE TESTS OF PAGES DO NOT RUN: there is no Chromium on PATH.')
  return false
}
