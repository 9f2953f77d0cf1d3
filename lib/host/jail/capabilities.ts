import { execFile } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { promisify } from 'node:util'
import { canBind } from '../launcher/raw.ts'
import { canWatch } from '../netwatch/probe.ts'
import { canOverlay, canReflink } from '../snapshot/ways.ts'
import { findJail, type Jail } from './jail.ts'
import { findProgram, systemPath } from './places.ts'

/** What a machine can do for a rehearsal, by its number in reports. */
export const capabilityNames = [
  'userns',
  'netns',
  'mountns',
  'pidns',
  'bwrap',
  'landlock',
  'seccomp',
  'cgroup2',
  'reflink',
  'overlay-userns',
  'notify-socket',
  'netwatch-full',
  'netwatch-count',
  'separate-uid',
  'fd-passing',
  'build'
] as const

export type CapabilityName = (typeof capabilityNames)[number]

export interface Capabilities {
  /** Bit n is set for name n. */
  readonly bits: number
  readonly has: Readonly<Record<CapabilityName, boolean>>
  /** The jail that a shadow is put into; null: none, with the reason in `why`. */
  readonly jail: Jail | null
  readonly why: string
}

export interface ProbeOptions {
  /** Where copies of the state are made: reflinks and layers are a matter of its file system. */
  readonly folder: string
  /** Where programs are looked for. */
  readonly path?: string
}

const probeMs = 10_000

/**
 * What this machine can do, found by doing each once (a second in all). What is merely installed
 * counts for nothing: containers and hardened kernels often forbid its use.
 */
export async function probeCapabilities({
  folder,
  path = systemPath
}: ProbeOptions): Promise<Capabilities> {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? [] : ['--user', '--map-root-user']
  const can = async (...words: readonly string[]): Promise<boolean> => await runs(words, path)
  const found = await findJail({ kinds: ['unshare'], path })
  const jail = found.tag === 'jail' ? found.jail : null
  const has = {
    userns: await can('unshare', '--user', '--map-root-user', 'true'),
    netns: await can('unshare', ...user, '--net', 'true'),
    mountns: await can('unshare', ...user, '--mount', 'true'),
    pidns: await can('unshare', ...user, '--pid', '--fork', 'true'),
    bwrap: await can('bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'),
    landlock: await says('/sys/kernel/security/lsm', /(?:^|,)landlock(?:,|$)/),
    seccomp: await says('/proc/sys/kernel/seccomp/actions_avail', /\bkill_process\b/),
    cgroup2: await hasGroups(),
    reflink: await canReflink(folder, folder),
    'overlay-userns': await canOverlay(folder, path),
    'notify-socket': false,
    'netwatch-full': jail !== null && (await canWatch(jail, 'full')),
    'netwatch-count': jail !== null && (await canWatch(jail, 'count')),
    'separate-uid': isRoot && (await can('setpriv', '--reuid=65534', '--clear-groups', 'true')),
    'fd-passing': canBind(),
    build: jail !== null && (await findProgram('git', path)) !== null
  }
  const bits = capabilityNames.reduce((sum, name, bit) => sum + (has[name] ? 2 ** bit : 0), 0)
  return { bits, has, jail, why: found.tag === 'none' ? found.why : '' }
}

/** Whether a program runs to a good end. */
async function runs([program = '', ...args]: readonly string[], path: string): Promise<boolean> {
  if ((await findProgram(program, path)) === null) return false
  return await promisify(execFile)(program, args, { env: { PATH: path }, timeout: probeMs }).then(
    () => true,
    () => false
  )
}

async function says(path: string, what: RegExp): Promise<boolean> {
  return what.test(await fs.readFile(path, 'utf8').catch(() => ''))
}

/** Control groups of the second version that this process may divide. */
async function hasGroups(): Promise<boolean> {
  const own = await fs.readFile('/proc/self/cgroup', 'utf8').catch(() => '')
  const group = /^0::(\/.*)$/m.exec(own)?.[1]
  if (group === undefined) return false
  const folder = `/sys/fs/cgroup${group}`
  if (!(await says(`${folder}/cgroup.controllers`, /\bmemory\b/))) return false
  return await fs.access(folder, fs.constants.W_OK).then(
    () => true,
    () => false
  )
}
