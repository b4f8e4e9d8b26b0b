import type { Context, MiddlewareHandler } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { HTTPException } from 'hono/http-exception'
import { timingSafeEqual } from 'hono/utils/buffer'
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import { clientNetwork, type Network } from '../../core/process/http/client-network.ts'
import type { Logger } from '../../core/process/logger.ts'

const MAX_WRONG = 10
const WINDOW_SECONDS = 60

export type OperatorSettings = {
  operator: { username: string; password: string }
  trustedProxies: Network[]
  logger: Logger
}

/**
 * Lets the operator in. A network that sends wrong credentials ten times in a minute is refused until that minute is over,
 * with right ones too: otherwise the eleventh guess could be the good one. Nobody else is held up by it.
 */
export const checkOperator = (settings: OperatorSettings): MiddlewareHandler => {
  const { operator, trustedProxies, logger } = settings
  const wrongs = new RateLimiterMemory({ points: MAX_WRONG, duration: WINDOW_SECONDS })
  return basicAuth({
    realm: 'Latchkey operators',
    verifyUser: async (username, password, c: Context) => {
      const network = clientNetwork(c.env?.incoming, c.req.header('x-forwarded-for'), trustedProxies)
      const isOperator = await isSame(operator, { username, password })
      // Counted after the check, in the order in which checks end: of many guesses at once the first eleven tell something.
      const count = isOperator ? await wrongs.get(network) : await wrongs.penalty(network)
      if (!count || count.consumedPoints <= MAX_WRONG) return isOperator
      if (!isOperator && count.consumedPoints === MAX_WRONG + 1)
        logger.warn({ network }, 'too many failed logins at the dashboard: this network is refused for a minute')
      throw tooMany(count)
    },
  })
}

type Credentials = OperatorSettings['operator']

/** In a time that does not depend on what is wrong: both are compared whole, as hashes. */
const isSame = async (one: Credentials, other: Credentials): Promise<boolean> => {
  const name = await timingSafeEqual(one.username, other.username)
  const word = await timingSafeEqual(one.password, other.password)
  return name && word
}

const tooMany = ({ msBeforeNext }: RateLimiterRes): HTTPException => {
  const headers = { 'Retry-After': String(Math.max(1, Math.ceil(msBeforeNext / 1000))) }
  const res = new Response('Too many wrong credentials came from your network. Try again in a minute.', {
    status: 429,
    headers,
  })
  return new HTTPException(429, { res })
}
