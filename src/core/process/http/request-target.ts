const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i
const SEPARATOR = /\\|%5c|%2f/i
// Letters, digits, `-`, `.`, `_` and `~` mean the same when they are encoded (RFC 3986, 2.3), and no client encodes them.
const ENCODED_UNRESERVED = /%(?:2[de]|3\d|[46][1-9a-f]|[57][0-9a]|5f|7e)/i

/**
 * Whether the path of a request line is as it will be routed. URL parsers resolve dot segments, encoded ones too, and turn
 * backslashes; proxies and access rules before us may not. So a path that two readers can take for different ones is none: dot
 * segments, empty segments, separators that are encoded or turned, letters that are encoded. The query is free.
 */
export const isPlainTarget = (target: string): boolean => {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] ?? ''
  const segments = path.split('/').slice(1)
  return (
    !SEPARATOR.test(path) &&
    !ENCODED_UNRESERVED.test(path) &&
    segments.every((segment, index) => !DOT_SEGMENT.test(segment) && (segment !== '' || index === segments.length - 1))
  )
}
