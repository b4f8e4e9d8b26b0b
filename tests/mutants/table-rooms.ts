import type { Room } from './provider-rooms.ts'

/** How statements reach PostgreSQL, and those of the tables. */
export const tableRooms: Record<string, Room> = {
  transactions: {
    mutate: [
      'src/core/postgres/{announce,announced-rows,listen,pool,rate-limits,transaction}.ts',
      'src/core/postgres/connection/{delete-batch,installation,pipelines,prepared-statements,row-of,shared-flush}.ts',
    ],
    tests: [
      'tests/core/postgres/{announce,announced-rows,listen,pipelines,pooled,row-of,shared-flush,transaction}.unit.test.ts',
      'tests/core/postgres/{rate-limits,pool-options,prepared-statements,shared-flush}.test.ts',
      'tests/api/limits/counters.test.ts',
      'tests/core/{announce,pool,housekeeping,listen,session}.test.ts',
      'tests/core/listen.unit.test.ts',
      'tests/core/postgres/pipelines.test.ts',
    ],
    isOnTables: true,
  },
  migrations: {
    mutate: ['src/core/postgres/connection/changing-tables.ts', 'src/core/postgres/migrate.ts'],
    tests: ['tests/core/{postgres/changing-tables,migrate}.test.ts'],
    isOnTables: true,
  },
  tables: {
    mutate: ['src/core/postgres/{guesses,users}.ts', 'src/core/postgres/{accounts,codes}/*.ts'],
    tests: [
      'tests/core/{status,guess-chance}.unit.test.ts',
      'tests/core/postgres/new-codes.test.ts',
      'tests/core/{announce,activate,activate-codes,guess-budget,register,resend-code,status,code-minute,housekeeping,guess-surge}.test.ts',
      'tests/core/account/{sign-in,import-accounts,support-acts}.test.ts',
      'tests/api/account/sign-in.test.ts',
      'tests/api/account/{password,deletion}.test.ts',
      'tests/worker/account/operator.test.ts',
    ],
    isOnTables: true,
  },
}
