// Channels and advisory locks belong to a database, and another installation may have another schema of it.

/** SQL for the name of this installation's channel, given the parameter that names the channel. */
export const channelSql = (parameter: string): string =>
  `concat_ws('.', ${parameter}::text, nullif(current_schema(), 'public'))`

/** SQL for the key of this installation's advisory lock, given the parameter that has the key as a bigint. */
export const lockSql = (parameter: string): string =>
  `${parameter}::bigint # coalesce(hashtextextended(nullif(current_schema(), 'public'), 0), 0)`
