/** The caller's own data about a registration: given back as it came, and looked into by nobody. */
export type Metadata = Record<string, unknown>

const MAX_BYTES = 1024

/** What is wrong with a value that is meant as metadata; null when nothing is. A number that cannot be kept is NaN here. */
export const findMetadataFault = (value: unknown): string | null => {
  if (!isObject(value)) return 'must be a JSON object'
  if (Buffer.byteLength(JSON.stringify(value)) > MAX_BYTES)
    return 'must have at most 1,024 bytes as compact JSON in UTF-8'
  const leaves = leavesOf(value)
  if (leaves.some((leaf) => typeof leaf === 'number' && !Number.isFinite(leaf)))
    return 'must hold no number that a double cannot hold'
  const isBad = (leaf: unknown) => typeof leaf === 'string' && (leaf.includes('\0') || !leaf.isWellFormed())
  return leaves.some(isBad) ? 'must hold no \\u0000 and no lone surrogate' : null
}

export const isObject = (value: unknown): value is Metadata =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Every name, an item's being its number, and every value that is neither object nor array. */
const leavesOf = (root: unknown): unknown[] => {
  const open = [root]
  const leaves: unknown[] = []
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) leaves.push(value)
    else for (const [name, member] of Object.entries(value)) open.push(name, member)
  }
  return leaves
}
