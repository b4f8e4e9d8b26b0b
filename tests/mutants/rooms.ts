import { apiRooms } from './api-rooms.ts'
import { providerRooms, type Room } from './provider-rooms.ts'
import { tableRooms } from './table-rooms.ts'

export const rooms: Record<string, Room> = {
  codes: {
    mutate: ['src/core/registration/{activation-code,code-state,public-ref}.ts'],
    tests: ['tests/core/{activation-code,code-state,public-ref}.unit.test.ts'],
  },
  credentials: {
    mutate: ['src/core/credentials/{email-address,hashing-queue,keyring,password-hash,verified-credentials}.ts'],
    tests: [
      'tests/core/{email-address,hashing-queue,keyring,verified-credentials}.unit.test.ts',
      'tests/core/account/password-hash.unit.test.ts',
    ],
  },
  passwords: {
    mutate: ['src/core/credentials/{password,well-known-passwords}.ts'],
    tests: [
      'tests/core/{password,well-known-passwords}.unit.test.ts',
      'tests/core/{account/password-hash,password-hashing}.unit.test.ts',
    ],
  },
  writing: {
    mutate: ['src/core/mail/writing/*.ts'],
    tests: ['tests/core/writing/{languages,validity,own-templates,mail-texts}.unit.test.ts'],
  },
  routing: {
    mutate: ['src/core/mail/back-off.ts', 'src/core/mail/routing/*.ts'],
    tests: [
      'tests/core/{back-off,provider-health,quiet-provider,routes}.unit.test.ts',
      'tests/core/circuit/*.unit.test.ts',
      'tests/worker/watch-mailer.unit.test.ts',
    ],
  },
  settings: {
    mutate: ['src/core/process/{config,known-names,settings}.ts', 'src/core/process/http/client-network.ts'],
    tests: [
      'tests/core/{behind-proxy,client-network,known-names,read-config,settings}.unit.test.ts',
      'tests/{core,api,worker}/config/*.unit.test.ts',
    ],
  },
  process: {
    mutate: [
      'src/core/process/{exact-json,lifecycle,logger,outage-log,release-memory,require-tables,start-in-turn,version,wait-until}.ts',
    ],
    tests: [
      'tests/core/{exact-json,logger,outage-log,start-in-turn}.unit.test.ts',
      'tests/core/process/{lifecycle,process,require-tables,wait-until}.unit.test.ts',
    ],
  },
  http: {
    mutate: ['src/core/process/http/http-server.ts'],
    tests: ['tests/core/http/{listening,ending,server,pipelining}.unit.test.ts'],
  },
  pipelining: {
    mutate: ['src/core/process/http/pipelining.ts'],
    tests: ['tests/core/http/{pieces,pipelining}.unit.test.ts'],
  },
  'http-parts': {
    mutate: ['src/core/process/http/{behind-proxy,egress,fetch-text,ops-app,readiness,request-target,time-limit}.ts'],
    tests: [
      'tests/core/http/{request-target,ops-app}.unit.test.ts',
      'tests/core/behind-proxy.unit.test.ts',
      'tests/core/http/{outside,readiness,silent-outside,time-limit}.unit.test.ts',
      'tests/worker/providers/proxy.test.ts',
    ],
  },
  telemetry: {
    mutate: ['src/core/process/telemetry/*.ts'],
    tests: [
      'tests/core/readings.unit.test.ts',
      'tests/core/telemetry/{common-readings,tracing,export-traces}.unit.test.ts',
    ],
  },
  refusals: {
    mutate: ['src/api/request/late-refusals.ts'],
    tests: ['tests/api/late-refusals.unit.test.ts'],
  },
  requests: {
    mutate: ['src/api/request/{basic-credentials,read-body}.ts', 'src/core/registration/{metadata,request-digest}.ts'],
    tests: [
      'tests/core/{metadata,request-digest}.unit.test.ts',
      'tests/api/{basic-credentials,read-body}.unit.test.ts',
    ],
  },
  ...providerRooms,
  'sign-in': {
    mutate: ['src/core/account/{change-password,delete-account,sign-in}.ts', 'src/core/registration/authenticate.ts'],
    tests: [
      'tests/core/{authenticate,account/sign-in}.test.ts',
      'tests/api/account/{sign-in,password,deletion,plain-hash}.test.ts',
      'tests/api/{guessing-limits,remembered,round-trips}.test.ts',
      'tests/events/one-transaction.test.ts',
    ],
    isOnTables: true,
  },
  accounts: {
    mutate: ['src/core/account/{export-accounts,import-accounts,read-import-line,support-acts}.ts'],
    tests: [
      'tests/core/account/read-import-line.unit.test.ts',
      'tests/core/account/{import-accounts,support-acts}.test.ts',
    ],
    isOnTables: true,
  },
  events: {
    mutate: ['src/core/{events,outbox}/*.ts'],
    tests: [
      'tests/core/outbox/{keep-lease,until-recorded}.unit.test.ts',
      'tests/events/{event-tries,raising,event-rows}.test.ts',
    ],
    isOnTables: true,
  },
  guessing: {
    mutate: ['src/core/registration/activate.ts'],
    tests: [
      'tests/core/{activate,activate-codes}.test.ts',
      'tests/api/{activate-user,guessing-limits,round-trips}.test.ts',
    ],
    isOnTables: true,
  },
  'code-length': {
    mutate: ['src/core/registration/{guess-surge,new-code}.ts'],
    tests: ['tests/core/guess-surge.unit.test.ts', 'tests/core/{activate,code-minute,guess-surge}.test.ts'],
    isOnTables: true,
  },
  registering: {
    mutate: ['src/core/registration/{register,resend-code,status}.ts'],
    tests: [
      'tests/core/status.unit.test.ts',
      'tests/core/{register,register-work,resend-code,status}.test.ts',
      'tests/api/{idempotency,read-user,remembered,round-trips,send-code}.test.ts',
    ],
    isOnTables: true,
  },
  limits: {
    mutate: ['src/api/limits/*.ts'],
    tests: ['tests/api/limits.unit.test.ts'],
  },
  ...apiRooms,
  ...tableRooms,
  connection: {
    mutate: ['src/core/postgres/connection/{connection-string,one-packet,retry-on-conflict,session,unavailable}.ts'],
    tests: ['tests/core/postgres/*.unit.test.ts'],
  },
  housekeeping: {
    mutate: ['src/core/postgres/{housekeeping,old-registrations}.ts'],
    tests: [
      'tests/core/postgres/old-registrations.test.ts',
      'tests/core/housekeeping.test.ts',
      'tests/events/event-rows.test.ts',
    ],
    isOnTables: true,
  },
  outbox: {
    mutate: ['src/core/postgres/outbox/*.ts'],
    tests: [
      'tests/core/outbox/{backlog,mail-rows,offers}.test.ts',
      'tests/events/{event-rows,raising}.test.ts',
      'tests/core/deliver-{mail,give-up,lease,undue-notice,notice}.test.ts',
      'tests/core/{traces,housekeeping}.test.ts',
      'tests/worker/second-provider-rate.test.ts',
      'tests/api/provider-events.test.ts',
    ],
    // What is reported is the same for all.
    providers: 'resend',
    isOnTables: true,
  },
  deliveries: {
    mutate: ['src/core/mail/{deliver-mail,delivery,open-code,prepare-mail}.ts'],
    tests: [
      'tests/core/deliver-{mail,meanwhile,tries}.test.ts',
      'tests/core/{code-minute,deliver-*,guess-surge}.test.ts',
    ],
    isOnTables: true,
  },
}

/** `MUTANTS` names one. */
export const room = (): Room & { name: string } => {
  const name = process.env.MUTANTS ?? 'codes'
  const found = rooms[name]
  if (!found) throw new Error(`MUTANTS must be one of ${Object.keys(rooms).join(', ')}`)
  return { ...found, name }
}
