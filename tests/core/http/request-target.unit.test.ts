import { expect, test } from 'vitest'
import { isPlainTarget } from '../../../src/core/process/http/request-target.ts'

test.each([
  ...[
    '/',
    '',
    '*',
    '/v1/users',
    '/docs/',
    '/a.b/..c/...',
    '/%',
    '/%zz',
    '/%2',
    '/%20%ff',
    '/%40%5b%60%7b%3a',
    '/a;b:c',
  ],
  ...[
    '/?',
    '/a?b=../c//d%2e\\',
    '/a#../b//c',
    'http://host/a',
    'HTTPS://user@host:1/a/',
    'http://host',
    'http://host?a//b',
    'http://%2fhost/a',
    'http://h%2fost/a',
  ],
])('%s is plain', (target) => {
  expect(isPlainTarget(target)).toBe(true)
})

test.each([
  ...['/.', '/..', '/a/../b', '/a/./b', '/%2e', '/%2E%2e/a', '/.%2e', '/a/%2e.'],
  ...['//', '/a//b', '//host/a', 'http://host//a', 'http://host/..', '/http://host/a', '/ahttp://host'],
  ...['/a\\b', '\\a', '/a%5cb', '/a%5Cb', '/a%2fb', '/a%2Fb'],
  ...['/%41', '/%5a', '/%5A', '/%61', '/%7A', '/%4f', '/%6F', '/%50', '/%70', '/%30', '/%39'],
  ...['/%2d', '/%2D', '/%5f', '/%5F', '/%7e', '/%7E', '/a%2eb'],
])('%s is not', (target) => {
  expect(isPlainTarget(target)).toBe(false)
})
