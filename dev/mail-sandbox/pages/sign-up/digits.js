/** Digits alone, in whichever script they were typed or pasted. @param {string} typed */
export function digitsIn(typed) {
  const western = typed.normalize('NFKC').replace(/[٠-٩۰-۹]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf))
  return western.replace(/\D/g, '')
}
