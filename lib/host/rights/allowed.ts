/**
 * What a launcher may be asked for, from its own configuration and never from what the daemon says:
 * a daemon that was broken into must not run anything as root, nor outside the app's folders.
 */
export interface Allowed {
  /** The home with every link resolved; programs start in a folder below its `versions/`. */
  readonly root: string
  /** Who apps may run as; null: only as the user the launcher itself runs as. */
  readonly user: { readonly uid: number; readonly gid: number } | null
  /** `host:port` as configured; null: any address that the system gives. */
  readonly addresses: readonly string[] | null
}

/** A spawn as the daemon asks for it, its working folder with every link resolved. */
export interface AskedSpawn {
  readonly cwd: string
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly uid: number | null
  readonly gid: number | null
}

/** Variables that would load code into a program, whoever sets them. */
const loaders = /^(?:LD_|DYLD_|NODE_OPTIONS$|BASH_ENV$|ENV$)/

const argumentsMax = 256
const environmentMax = 256
const textMax = 64 * 1024

/**
 * Whether a spawn may be done: null, or in words what forbids it. Pure: the launcher resolves the
 * folder first and spawns only after a null.
 */
export function judgeSpawn(allowed: Allowed, asked: AskedSpawn): string | null {
  const versions = `${allowed.root}/versions/`
  const { cwd, argv, env } = asked
  if (!cwd.startsWith(versions) || cwd === versions || hasSteps(cwd)) {
    return `"${cwd}" is no version folder of this home`
  }
  return judgeUser(allowed, asked) ?? judgeWords(argv, env)
}

/** Whether the launcher may hold `address` (`host:port`): null, or what forbids it. */
export function judgeListen({ addresses }: Allowed, address: string): string | null {
  if (addresses === null || addresses.includes(address)) return null
  return `"${address}" is no address that this launcher was told to hold`
}

function judgeUser({ user }: Allowed, { uid, gid }: AskedSpawn): string | null {
  if (user === null) {
    return uid === null && gid === null ? null : 'this launcher starts nothing as another user'
  }
  // A group alone left as it is would be root's.
  if (uid === user.uid && gid === user.gid) return null
  const who = uid === null ? 'the user of the launcher' : `user ${uid} and group ${gid}`
  return `${who} is not ${user.uid}:${user.gid}, the one that apps run as here`
}

function judgeWords(argv: readonly string[], env: Readonly<Record<string, string>>): string | null {
  const [program = ''] = argv
  const values = Object.entries(env)
  if (program === '') return 'no program is named'
  if (argv.length > argumentsMax) return `${argv.length} arguments, at most ${argumentsMax}`
  if (values.length > environmentMax) return `${values.length} variables, at most ${environmentMax}`
  const loader = values.find(([name]) => loaders.test(name.toUpperCase()))
  if (loader !== undefined) return `the variable ${loader[0]} would load code into the program`
  const odd = [...argv, ...values.flat()].some(
    (text) => text.includes('\0') || text.length > textMax
  )
  return odd ? 'an argument or a variable is too long, or holds a zero byte' : null
}

function hasSteps(path: string): boolean {
  return path.split('/').some((part) => part === '..' || part === '.')
}
