import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '../failure.ts'
import type { Limits } from './limits.ts'

const mount = '/sys/fs/cgroup'
const controllers = ['memory', 'pids'] as const
/** Where this process goes, since a group with children may hold no process of its own. */
const leaf = 'upswell'

/**
 * The control group that systemd delegated to this unit, made ready for children, or null: another
 * version of control groups, a container, or no delegation. Moves this process into a leaf of it.
 */
export async function delegated(
  root = mount,
  pid: number | 'self' = 'self'
): Promise<string | null> {
  const own = /^0::(\/.*)$/m.exec(await read(`/proc/${pid}/cgroup`))?.[1]
  // The top group is nobody's to divide, and what it holds is the whole machine.
  if (own === undefined || own === '/') return null
  return await prepared(join(root, own))
}

/** Makes children of a group possible; null where the system does not let us. */
export async function prepared(group: string): Promise<string | null> {
  const offered = (await read(join(group, 'cgroup.controllers'))).trim().split(' ')
  if (!controllers.every((name) => offered.includes(name))) return null
  const on = controllers.map((name) => `+${name}`).join(' ')
  const isDone = await attempt(async () => {
    await mkdir(join(group, leaf), { recursive: true })
    await writeFile(join(group, leaf, 'cgroup.procs'), String(process.pid))
    await writeFile(join(group, 'cgroup.subtree_control'), on)
  })
  return isDone ? group : null
}

/** The group of one slot with its limits in force, or null where it cannot be made. */
export async function slotGroup(
  group: string,
  slot: string,
  limits: Limits
): Promise<string | null> {
  const folder = join(group, `slot-${slot}`)
  const isDone = await attempt(async () => {
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'memory.max'), bound(limits.memory))
    await writeFile(join(folder, 'pids.max'), bound(limits.pids))
    // One process that goes over must not leave half an app.
    await writeFile(join(folder, 'memory.oom.group'), '1')
  })
  return isDone ? folder : null
}

/** How often the system ended a process for want of memory; 0 where it does not say. */
export async function machineOomKills(): Promise<number> {
  const text = await read('/proc/vmstat')
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** How often the system ended a process of this group for its memory. */
export async function oomKills(folder: string): Promise<number> {
  const text = await read(join(folder, 'memory.events'))
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** Ends every process in the group, also those that left their process group. */
export async function killGroup(folder: string): Promise<boolean> {
  return await attempt(async () => await writeFile(join(folder, 'cgroup.kill'), '1'))
}

/** Removes the group of a slot once nothing runs in it. */
export async function dropGroup(folder: string): Promise<boolean> {
  return await attempt(async () => await rmdir(folder))
}

function bound(value: number | null): string {
  return value === null ? 'max' : String(value)
}

async function read(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '')
}

/** False where the system refuses; what is no refusal of the system is ours, and thrown. */
async function attempt(deed: () => Promise<unknown>): Promise<boolean> {
  try {
    await deed()
    return true
  } catch (error) {
    if (errnoOf(error) === null) throw error
    return false
  }
}
