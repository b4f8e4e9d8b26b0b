import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

// Linux counts processor time in hundredths of a second.
const TICK_MS = 10

type Stat = { pid: number; parent: number; ownMs: number; endedChildrenMs: number }

const readStat = (pid: number): Stat | null => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number)
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15)
    return {
      pid,
      parent: fields[1] ?? 0,
      ownMs: (user + system) * TICK_MS,
      endedChildrenMs: (childUser + childSystem) * TICK_MS,
    }
  } catch {
    return null
  }
}

/** Milliseconds of processor time that a process and all that it started have used so far. */
export const cpuMsOf = (root: number): number => {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)) ?? [])
  const family = new Set([root])
  for (let size = 0; size !== family.size; ) {
    size = family.size
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid)
  }
  return all
    .filter(({ pid }) => family.has(pid))
    .reduce((sum, { ownMs, endedChildrenMs }) => sum + ownMs + endedChildrenMs, 0)
}

/** Megabytes of memory that a process holds. */
export const rssMbOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** The process that listens on a port of the loopback. */
export const pidOnPort = (port: number): number => {
  const inode = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(
      (fields) => fields[1]?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`) && fields[3] === '0A',
    )?.[9]
  const found = execFileSync('sh', [
    '-c',
    `ls -l /proc/[0-9]*/fd 2>/dev/null | awk '/^\\/proc/{d=$1} /socket:\\[${inode}\\]/{print d}'`,
  ])
  return Number(/\/proc\/(\d+)\//.exec(found.toString())?.[1])
}
