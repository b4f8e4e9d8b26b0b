import type { Room } from './provider-rooms.ts'

/** What a request is read to, decided and answered. */
export const apiRooms: Record<string, Room> = {
  answers: {
    mutate: [
      'src/api/request/{check-protocol,cross-origin,request-log,times-sent,unreadable}.ts',
      'src/api/answers/{handle-error,problems,security-headers}.ts',
      'src/api/{provider-events,watch-hasher}.ts',
    ],
    tests: [
      'tests/api/{request,answers}/*.unit.test.ts',
      'tests/api/watch-hasher.unit.test.ts',
      'tests/api/config/provider-events.unit.test.ts',
      'tests/api/{cors,every-answer}.test.ts',
    ],
    isOnTables: true,
  },
  routes: {
    mutate: [
      'src/api/request/{authenticate-request,request-network,sign-in-request}.ts',
      'src/api/routes/{activate-user,change-password,delete-account,read-account,read-user,register-user,send-code}.ts',
    ],
    tests: [
      'tests/api/{overload,request/request-network}.unit.test.ts',
      'tests/api/{counts,read-user,send-code}.test.ts',
      'tests/api/account/{sign-in,password,deletion}.test.ts',
      'tests/api/{activate-user,gone,remembered,idempotency,register-user,register-body}.test.ts',
    ],
    isOnTables: true,
  },
  pages: {
    mutate: ['src/api/routes/{docs,health,openapi-document,show-problem,take-provider-events}.ts'],
    tests: [
      'tests/api/{openapi-retry,provider-bodies}.unit.test.ts',
      'tests/api/{docs,counts,ses-events,every-answer}.test.ts',
    ],
    isOnTables: true,
  },
  assembly: {
    mutate: ['src/api/{app,config,main,metrics}.ts'],
    tests: [
      'tests/api/config/{config,faults}.unit.test.ts',
      'tests/api/{app,metrics}.unit.test.ts',
      'tests/api/start.test.ts',
    ],
    isOnTables: true,
  },
}
