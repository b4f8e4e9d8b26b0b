const MINUTE = 60
const HOUR = 3600

/**
 * A code's time in words of the language, with its plural forms (CLDR). Never more than there is, and never four digits in a row,
 * which would look like a code.
 */
export const validityIn = (language: string, seconds: number): string => {
  const [unit, size] =
    seconds >= 2 * HOUR
      ? ['hour', HOUR]
      : seconds >= 2 * MINUTE || seconds === MINUTE
        ? ['minute', MINUTE]
        : ['second', 1]
  return formatOf(language, unit).format(Math.floor(seconds / size))
}

/** Kept: to make one takes some forty times as long as to use it. */
const formats = new Map<string, Intl.NumberFormat>()

const formatOf = (language: string, unit: string): Intl.NumberFormat => {
  const key = `${language} ${unit}`
  const made =
    formats.get(key) ??
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long', numberingSystem: 'latn' })
  formats.set(key, made)
  return made
}
