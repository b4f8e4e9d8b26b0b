import * as v from 'valibot'
import { problemSchema, userSchema } from '../../src/api/answers/schemas.ts'

/** The user in an answer, checked against the schema of the OpenAPI document. */
export const readUser = async (answer: Response) =>
  v.parse(v.strictObject({ ...userSchema.entries }), await answer.json())

/** The problem in an answer, checked likewise. */
export const readProblem = async (answer: Response) => v.parse(problemSchema, await answer.json())
