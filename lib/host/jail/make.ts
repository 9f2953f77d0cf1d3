import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { jailUser, type JailJob, type Overlay, type Place, type StayingJob } from './job.ts'
import { systemPath, type SystemPlaces } from './places.ts'
import { setupScript } from './setup.ts'

const nobody = `${jailUser}:${jailUser}`

/** As whom a program that stays runs where we are root. */
export function ownerOf({ user }: StayingJob): string {
  return user === undefined ? nobody : `${user.uid}:${user.gid}`
}

const passwd = `root:x:0:0:root:/:/bin/sh\nnobody:x:${jailUser}:${jailUser}:nobody:/tmp:/bin/sh\n`
const group = `nogroup:x:${jailUser}:\n`

/** Says on descriptor 3 that the jail stands, then becomes the program. */
const begin = 'echo >&3; exec 3>&-; exec "$@"'

export interface Making {
  readonly job: JailJob
  readonly scratch: Scratch
  readonly system: SystemPlaces
  readonly isRoot: boolean
}

/** A private folder with what a jail is made of. */
export interface Scratch {
  readonly root: string
  readonly passwd: string
  readonly group: string
}

export async function withScratch<T>(
  run: (scratch: Scratch) => Promise<T>,
  who = nobody
): Promise<T> {
  const folder = await fs.mkdtemp(`${tmpdir()}/upswell-jail-`)
  const scratch = {
    root: `${folder}/root`,
    passwd: `${folder}/passwd`,
    group: `${folder}/group`
  }
  try {
    await fs.mkdir(scratch.root)
    for (const [file, text] of [
      [scratch.passwd, passwd.replace(nobody, who)],
      [scratch.group, group]
    ] as const) {
      await fs.writeFile(file, text)
      await fs.chmod(file, 0o644)
    }
    return await run(scratch)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** With util-linux alone. The signal of a parent's death reaches process 1, and so all of them. */
export function unshareArgv({ job, scratch, system, isRoot }: Making): readonly string[] {
  const mode = isRoot ? 'root' : 'user'
  const root = [scratch.root, String(job.limits.tmpBytes), job.cwd, nobody, mode]
  return [
    namespaces(isRoot, root),
    system.links.flatMap(({ path, at }) => ['link', path, at]),
    [...system.readOnly, ...identity(scratch), ...job.readOnly].flatMap(placed),
    ['lock', '-', '-'],
    job.writable.flatMap(placed),
    ['--'],
    inside(job)
  ].flat()
}

export interface Staying extends Omit<Making, 'job'> {
  readonly job: StayingJob
}

/** The same for a program that stays: it has loopback, and may read the packets on it. */
export function stayingArgv({ job, scratch, system, isRoot }: Staying): readonly string[] {
  const mode = isRoot ? 'root-watch' : 'user-watch'
  const variables = [...new Map([['PATH', systemPath], ...job.env])]
  // what the job shows in place of a file of the system wins
  const isOwn = ({ at }: Place): boolean => !job.readOnly.some((one) => one.at === at)
  return [
    namespaces(isRoot, [scratch.root, String(job.tmpBytes), job.cwd, ownerOf(job), mode]),
    ['net', job.network, '-'],
    system.links.flatMap(({ path, at }) => ['link', path, at]),
    [...system.readOnly.filter(isOwn), ...identity(scratch), ...job.readOnly].flatMap(placed),
    ['lock', '-', '-'],
    job.links.flatMap(({ path, at }) => ['link', path, at]),
    job.writable.flatMap(placed),
    job.overlays.flatMap((one) => ['overlay', overlayOptions(one, isRoot), one.at]),
    ['--', 'sh', '-c', begin, 'sh', 'env', '-i'],
    variables.map(([name, value]) => `${name}=${value}`),
    job.argv
  ].flat()
}

function namespaces(isRoot: boolean, setup: readonly string[]): readonly string[] {
  // as root no user namespace is needed: the setup gives all rights up by itself
  const user = isRoot ? [] : ['--user', '--map-root-user']
  return [
    ['setpriv', '--pdeathsig', 'KILL', 'unshare', ...user],
    ['--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child=KILL'],
    ['--propagation', 'private', 'sh', '-c', setupScript, 'sh', ...setup]
  ].flat()
}

function placed({ path, at }: JailJob['readOnly'][number]): readonly string[] {
  return ['place', path, at]
}

/** Attributes of the overlay stand in `user.*` where nobody may write `trusted.*`. */
export function overlayOptions(overlay: Omit<Overlay, 'at'>, isRoot: boolean): string {
  const { lower, upper, work } = overlay
  const folders = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
  return isRoot ? folders : `${folders},userxattr`
}

/** With bubblewrap, which does the same by itself. */
export function bwrapArgv({ job, scratch, system, isRoot }: Making): readonly string[] {
  const readOnly = [...system.readOnly, ...identity(scratch), ...job.readOnly]
  const devices = ['null', 'zero', 'full', 'random', 'urandom'].map((name) => `/dev/${name}`)
  const user = ['--unshare-user', '--uid', jailUser, '--gid', jailUser]
  const rights = ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((one) => ['--cap-add', one])
  const drop = ['setpriv', `--reuid=${jailUser}`, `--regid=${jailUser}`, '--clear-groups']
  return [
    ['bwrap', '--die-with-parent', '--new-session', ...(isRoot ? [] : user)],
    ['--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--cap-drop', 'ALL'],
    isRoot ? rights : [],
    system.links.flatMap(({ path, at }) => ['--symlink', path, at]),
    foldersAbove([...readOnly, ...job.writable]).flatMap((at) => openFolder(at)),
    readOnly.flatMap(({ path, at }) => ['--ro-bind', path, at]),
    ['--proc', '/proc', ...openFolder('/dev')],
    devices.flatMap((path) => ['--dev-bind', path, path]),
    ['--symlink', '/proc/self/fd', '/dev/fd'],
    ['--size', String(job.limits.tmpBytes), '--perms', '1777', '--tmpfs', '/tmp'],
    job.writable.flatMap(({ path, at }) => ['--bind', path, at]),
    ['--remount-ro', '/', '--chdir', job.cwd, '--'],
    isRoot ? [...drop, '--inh-caps=-all', '--bounding-set=-all'] : [],
    inside(job)
  ].flat()
}

function openFolder(at: string): readonly string[] {
  return ['--perms', '0755', '--dir', at]
}

/** Bubblewrap would make them for its own user only. */
function foldersAbove(places: JailJob['readOnly']): readonly string[] {
  const folders = new Set<string>()
  for (const { at } of places) {
    const parts = at.split('/').slice(1, -1)
    for (let count = 1; count <= parts.length; count++) {
      folders.add(`/${parts.slice(0, count).join('/')}`)
    }
  }
  return [...folders].toSorted()
}

/** Programs ask who they are; only the jail's own user is there. */
function identity(scratch: Scratch): JailJob['readOnly'] {
  return [
    { path: scratch.passwd, at: '/etc/passwd' },
    { path: scratch.group, at: '/etc/group' }
  ]
}

/** Limits, then an empty environment, then the program. */
function inside({ argv, env, limits }: JailJob): readonly string[] {
  const given = new Map([['PATH', systemPath], ...env])
  const variables = [...given].map(([name, value]) => `${name}=${value}`)
  return [
    ['prlimit', `--nproc=${limits.processes}`, `--data=${limits.memoryBytes}`],
    [`--fsize=${limits.fileBytes}`, '--core=0', 'sh', '-c', begin, 'sh', 'env', '-i'],
    variables,
    argv
  ].flat()
}
