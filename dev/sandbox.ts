import * as v from 'valibot'
import { readConfig, text, wholeNumber } from '../src/core/process/config.ts'
import { startMailSandbox } from './mail-sandbox/mail-sandbox.ts'

/** The mail sandbox as a process of its own, for docker-compose.yml; `make run` holds it in its own process. */
const config = readConfig(
  {
    HOST: v.optional(text(), '0.0.0.0'),
    PORT: v.optional(wholeNumber(0, 65_535), '3003'),
    MAIL_API_KEY: text(),
  },
  process.env,
)
const sandbox = await startMailSandbox({ host: config.HOST, port: config.PORT, apiKey: config.MAIL_API_KEY })
process.stdout.write(`the mail sandbox listens at ${sandbox.url}\n`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void sandbox.close())
