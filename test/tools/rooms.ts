/**
 * The plan of the house: which rooms there are, on which floor, what each may import, and which
 * packages and Node modules enter through it. Arrows point down; nothing is imported sideways
 * unless its row says so. Changing a row is a design decision.
 */
export interface Room {
  /** Bans clock, dice, disk, wire and every inexact function. */
  readonly pure: boolean
  /** Rooms whose `index.ts` it may import. */
  readonly rooms: readonly string[]
  /** Rooms it may name in `import type` only: the ports it is handed. */
  readonly types?: readonly string[]
  /** Packages and `node:` modules that enter here; a package enters through one room only. */
  readonly doors?: readonly string[]
}

const below4 = ['base', 'records', 'trust', 'crowd', 'rollout', 'cutover']
const below5 = [...below4, 'authority', 'artifact']
const floor5 = ['feed', 'gossip', 'host']
const below6 = [...below5, ...floor5]

export const rooms: Readonly<Record<string, Room>> = {
  base: { pure: true, rooms: [], doors: ['b4a', 'ready-resource', 'safety-catch'] },
  records: { pure: true, rooms: ['base'], doors: ['compact-encoding'] },
  trust: { pure: true, rooms: ['base', 'records'], doors: ['sodium-native', 'z32'] },
  crowd: { pure: true, rooms: ['base', 'records', 'trust'] },
  rollout: { pure: true, rooms: ['base', 'records', 'trust', 'crowd'] },
  cutover: { pure: true, rooms: ['base', 'records'] },
  authority: { pure: true, rooms: ['base', 'records', 'trust'] },
  artifact: { pure: true, rooms: ['base', 'records', 'trust'], doors: ['node:zlib'] },
  feed: {
    pure: false,
    rooms: ['base', 'records', 'trust', 'artifact'],
    doors: ['hypercore', 'corestore']
  },
  gossip: {
    pure: false,
    rooms: ['base', 'records', 'trust', 'crowd', 'authority'],
    doors: ['hyperswarm', 'hyperdht', 'protomux']
  },
  host: {
    pure: false,
    rooms: ['base', 'records', 'cutover', 'artifact'],
    doors: [
      'fs-native-extensions',
      // optional: the machine's own calls, for watching the network of a jail
      'koffi',
      'node:dgram',
      'node:readline',
      'node:fs',
      'node:fs/promises',
      'node:child_process',
      'node:crypto',
      'node:os',
      'node:path',
      'node:url',
      'node:util',
      'node:net',
      'node:http',
      'node:stream',
      'node:worker_threads',
      'node:perf_hooks'
    ]
  },
  node: { pure: true, rooms: below5, types: floor5 },
  publish: { pure: false, rooms: below6 },
  subscribe: { pure: false, rooms: below6 },
  control: {
    pure: false,
    rooms: ['base', 'records'],
    types: ['node'],
    // A killed daemon leaves its socket behind, which is removed and made again for its owner only.
    doors: ['node:http', 'node:net', 'node:module', 'node:fs/promises']
  },
  // What an app imports: it must stay as small as the protocol, and needs nothing of ours.
  app: { pure: false, rooms: [], doors: ['node:http', 'node:net', 'node:tls'] },
  // It reads its configuration by itself: the launcher's process must not load all of `host`.
  cli: {
    pure: false,
    rooms: [...below6, 'node', 'publish', 'subscribe', 'control', 'sim'],
    doors: [
      'node:util',
      'node:console',
      'node:fs/promises',
      'node:os',
      'node:path',
      'smol-toml',
      'valibot'
    ]
  },
  sim: { pure: true, rooms: [...below5, 'node'], types: floor5 }
}

/** `base/life.ts` is for what lives long and is closed: floors 5 to 7. */
export const mayLive: ReadonlySet<string> = new Set([
  ...floor5,
  'node',
  'publish',
  'subscribe',
  'control',
  'cli'
])

/** The launcher outlives daemons and must stay small: exact files instead of whole rooms. */
export const launcher = {
  folder: 'lib/host/launcher/',
  files: [
    'lib/base/',
    'lib/records/',
    'lib/cutover/keepalive.ts',
    'lib/host/launcher/',
    'lib/host/rights/',
    'lib/host/jail/places.ts',
    'lib/host/failure.ts'
  ],
  /** The command that is its process, and the files it may name past the room's index. */
  entry: 'lib/cli/node/run.ts',
  behind: ['lib/host/launcher/run.ts', 'lib/host/clock.ts', 'lib/host/rights/user.ts']
}

/** The one file above the rooms, and what it may name. */
export const surface = { file: 'lib/index.ts', rooms: ['base', 'records', 'subscribe'] }

export const limits = {
  libLines: 400,
  testLines: 600,
  columns: 100,
  /** TypeScript files directly in one folder of `lib`, its `index.ts` not counted. */
  folderFiles: 24,
  binLines: 20,
  /** Letters of the paragraph that opens a room. */
  paragraph: 80
}
