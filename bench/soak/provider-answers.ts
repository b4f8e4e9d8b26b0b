import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export const troubles = ['503', '429', '401', 'refusing', 'resetting', 'hanging', 'dripping'] as const

export type Mood = (typeof troubles)[number] | 'well' | 'slow'

export const SLOW_MS = 8000

const BYTE_EVERY_MS = 25
const TAKEN = '{"id":"taken"}'

/** Answers as one does in this mood, and tells whether the mail is taken. */
export const answerIn = (mood: Mood, response: ServerResponse): boolean => {
  switch (mood) {
    case 'well':
      response.writeHead(200, { 'content-type': 'application/json' }).end(TAKEN)
      return true
    case 'slow':
      setTimeout(() => answerIn('well', response), SLOW_MS)
      return true
    case '503':
    case '401':
      response.writeHead(Number(mood)).end('{}')
      return false
    case '429':
      response.writeHead(429, { 'retry-after': '2' }).end('{}')
      return false
    case 'refusing':
    case 'resetting':
      response.socket?.resetAndDestroy()
      // One may have written the mail down before the connection broke, or not: here every second one has.
      return Math.random() < 0.5
    case 'hanging':
      return true
    case 'dripping':
      void drip(response)
      return true
  }
}

/** A whole answer, slower than anybody waits for. */
const drip = async (response: ServerResponse): Promise<void> => {
  const socket = response.socket
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${TAKEN.length}\r\nconnection: close\r\n\r\n${TAKEN}`
  for (const byte of answer) {
    if (!socket?.writable) return
    socket.write(byte)
    await sleep(BYTE_EVERY_MS)
  }
  socket?.end()
}
