import * as v from 'valibot'
import { duration, environment, joinText, probes, size, windows } from './values.ts'

/** `name=tcp:host:port`, as the operator moves a listen address of `ota.json`. */
const listenSyntax = /^[a-z0-9][a-z0-9.-]*=tcp:.+:\d{1,5}$/
const listenText = v.pipe(
  v.string(),
  v.regex(listenSyntax, 'an address is NAME=tcp:HOST:PORT, as http=tcp:127.0.0.1:8080')
)
const count = (min: number, max: number) =>
  v.pipe(
    v.number('the value is a whole number'),
    v.integer('the value is a whole number'),
    v.minValue(min, `the value is at least ${min}`),
    v.maxValue(max, `the value is at most ${max}`)
  )
const orNull = <T extends v.GenericSchema>(of: T) => v.optional(v.nullable(of), null)
const argv = v.pipe(v.array(v.string()), v.minLength(1, 'no program is named'))
const insistence = v.optional(v.picklist(['prefer', 'require', 'off']), 'prefer')
const portMax = 65_535

const app = v.strictObject({
  command: orNull(v.array(v.string())),
  // Whom the app runs as, as NAME or UID:GID; needs a launcher that runs as root.
  user: orNull(v.string()),
  env: v.optional(environment, {}),
  listen: v.optional(v.array(listenText), []),
  // Addresses that the launcher may hold at all, as HOST:PORT; unset: any a release names.
  addresses: orNull(v.array(v.string())),
  health: v.optional(probes, []),
  healthInterval: orNull(duration),
  handover: v.optional(v.picklist(['auto', 'overlap', 'exclusive', 'proxy']), 'auto'),
  startTimeout: orNull(duration),
  drain: orNull(duration),
  linger: orNull(duration)
})

const policy = v.strictObject({
  // 0: as late as the certificate says. Readers see that one only, so a node that puts itself later
  // is not counted, and by default everybody must be.
  tier: v.optional(v.picklist([0, 1, 2]), 0),
  // Organisations that must attest a release here; counts where it is more than the trust says.
  attest: v.optional(count(0, 64), 0),
  // Build releases that carry their source, and run none that comes out other than signed.
  build: v.optional(v.boolean(), false),
  windows: v.optional(windows, []),
  // Windows hold for urgent releases as well, where this is "no".
  urgent: v.optional(v.picklist(['yes', 'no']), 'yes'),
  consent: v.optional(v.picklist(['none', 'notify', 'ask']), 'none'),
  // A random delay of this node of up to so much, beside that of the release.
  jitter: orNull(duration),
  shadow: insistence,
  phoneHome: insistence,
  // Destinations that a release may not count on here, however it declares them.
  strike: v.optional(v.array(v.string()), []),
  // A migration is never replaced: where this is "refuse", a release that needs one is not taken.
  migrations: v.optional(v.picklist(['run', 'refuse']), 'run')
})

const swarm = v.strictObject({
  host: orNull(v.string()),
  port: v.optional(count(0, portMax), 0),
  peers: v.optional(v.array(v.string()), []),
  bootstrap: v.optional(
    v.union([v.literal('public'), v.literal('none'), v.array(v.string())]),
    'public'
  ),
  rendezvous: v.optional(v.boolean(), false),
  // What is carried for others: every tree, one node in four each tree, or none.
  seed: v.optional(v.picklist(['full', 'sparse', 'off']), 'full')
})

// Folders, or folders of a web server, that hold what `ota-publish export --mirror` writes.
const mirrors = v.strictObject({
  urls: v.optional(v.pipe(v.array(v.string()), v.maxLength(16)), [])
})

const limits = v.strictObject({
  // Bytes per second of trees and patches sent to others; statements are never held back.
  upload: orNull(count(16_384, Number.MAX_SAFE_INTEGER)),
  // Stored bytes above which no tree is made whole for others.
  seeds: orNull(count(0, Number.MAX_SAFE_INTEGER)),
  // Of the app; the smaller one of these and those of `ota.json` holds.
  memory: orNull(size),
  pids: orNull(count(1, 4_194_304)),
  nofile: orNull(count(16, 1_048_576)),
  disk: orNull(size)
})

// Programs of the operator around a change of version, outside of the jail.
const hooks = v.strictObject({
  dialect: v.optional(v.picklist(['upswell', 'mender', 'cosmovisor']), 'upswell'),
  before: orNull(argv),
  after: orNull(argv),
  timeout: v.optional(duration, '10m')
})

/** Every key there is; one that is not here is an error. Defaults make an empty file usable. */
export const schema = v.strictObject({
  network: orNull(joinText),
  invite: orNull(v.string()),
  slot: orNull(count(0, portMax)),
  level: v.optional(v.picklist(['auto', 'stage', 'notify']), 'auto'),
  channel: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{0,31}$/)), 'stable'),
  app: v.optional(app, {}),
  policy: v.optional(policy, {}),
  swarm: v.optional(swarm, {}),
  mirrors: v.optional(mirrors, {}),
  limits: v.optional(limits, {}),
  hooks: v.optional(hooks, {})
})

/** Keys by section; the section "" is the top. */
export const knownKeys: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(schema.entries),
  app: Object.keys(app.entries),
  policy: Object.keys(policy.entries),
  swarm: Object.keys(swarm.entries),
  mirrors: Object.keys(mirrors.entries),
  limits: Object.keys(limits.entries),
  hooks: Object.keys(hooks.entries)
}

/** What the operator wants of this node, every key with a value. Times in milliseconds. */
export type NodeConfig = v.InferOutput<typeof schema>
