import * as v from 'valibot'
import { isOtaError, OtaError } from '../../base/index.ts'
import { parseDuration } from '../frame/index.ts'
import { merge, readEnv, readFiles, type Layer } from './layers.ts'

/** `name=tcp:host:port`, as the operator moves a listen address of `ota.json`. */
const listenSyntax = /^[a-z0-9][a-z0-9.-]*=tcp:.+:\d{1,5}$/

const duration = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parseDuration(dataset.value, 'the value')
    } catch (error) {
      if (!isOtaError(error)) throw error
      addIssue({ message: error.message })
      return NEVER
    }
  })
)

/** Every key there is; one that is not here is an error. Defaults make an empty file usable. */
const schema = v.strictObject({
  network: v.optional(v.nullable(v.string()), null),
  invite: v.optional(v.nullable(v.string()), null),
  slot: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0))), null),
  level: v.optional(v.picklist(['auto', 'stage', 'notify']), 'auto'),
  channel: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{0,31}$/)), 'stable'),
  app: v.optional(
    v.strictObject({
      command: v.optional(v.nullable(v.array(v.string())), null),
      env: v.optional(v.record(v.string(), v.string()), {}),
      listen: v.optional(v.array(v.pipe(v.string(), v.regex(listenSyntax))), []),
      startTimeout: v.optional(v.nullable(duration), null),
      drain: v.optional(v.nullable(duration), null),
      linger: v.optional(v.nullable(duration), null)
    }),
    {}
  ),
  // 0: as late as the certificate says. Readers see that one only, so a node that puts itself later
  // is not counted, and by default everybody must be.
  policy: v.optional(
    v.strictObject({
      tier: v.optional(v.picklist([0, 1, 2]), 0),
      // Organisations that must attest a release here; counts where it is more than the trust says.
      attest: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64)), 0),
      // Build releases that carry their source, and run none that comes out other than signed.
      build: v.optional(v.boolean(), false)
    }),
    {}
  ),
  swarm: v.optional(
    v.strictObject({
      host: v.optional(v.nullable(v.string()), null),
      port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)), 0),
      peers: v.optional(v.array(v.string()), []),
      bootstrap: v.optional(
        v.union([v.literal('public'), v.literal('none'), v.array(v.string())]),
        'public'
      ),
      rendezvous: v.optional(v.boolean(), false),
      // What is carried for others: every tree, one node in four each tree, or none.
      seed: v.optional(v.picklist(['full', 'sparse', 'off']), 'full')
    }),
    {}
  ),
  // Folders, or folders of a web server, that hold what `ota-publish export --mirror` writes.
  mirrors: v.optional(
    v.strictObject({
      urls: v.optional(v.pipe(v.array(v.string()), v.maxLength(16)), [])
    }),
    {}
  ),
  limits: v.optional(
    v.strictObject({
      // Bytes per second of trees and patches sent to others; statements are never held back.
      upload: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(16_384))), null),
      // Stored bytes above which no tree is made whole for others.
      seeds: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0))), null)
    }),
    {}
  )
})

/** What the operator wants of this node, every key with a value. Times in milliseconds. */
export type NodeConfig = v.InferOutput<typeof schema>

/** The configuration and, per key that someone set, who set it. */
export interface Configured {
  readonly config: NodeConfig
  readonly origins: ReadonlyMap<string, string>
}

/**
 * Reads the configuration of a home: flags win over `OTA_NODE_<SECTION>_<KEY>`, over drop-ins
 * (`FILE.d/NN-*.toml`, higher number wins), over the file, over defaults. Throws `CONFIG_INVALID`
 * that names the key and its origin; also when `--config` names a file that is not there.
 */
export async function readConfig(options: {
  readonly file: string
  readonly named: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: Layer
}): Promise<Configured> {
  const origins = new Map<string, string>()
  const merged: Record<string, unknown> = {}
  for (const { layer, origin } of await readFiles(options.file, options.named)) {
    merge(merged, layer, { origin, origins, path: '' })
  }
  merge(merged, readEnv(options.env), { origin: 'environment', origins, path: '' })
  merge(merged, options.flags, { origin: 'flag', origins, path: '' })
  const result = v.safeParse(schema, merged)
  if (result.success) return { config: result.output, origins }
  const issue = result.issues[0]
  const path = v.getDotPath(issue) ?? ''
  const origin = origins.get(path) ?? 'configuration'
  const unknown = issue.type === 'strict_object'
  throw new OtaError(
    'CONFIG_INVALID',
    unknown ? `unknown key "${path}" (${origin})` : `${path} (${origin}): ${issue.message}`,
    { hint: 'see the keys with: ota-node config show' }
  )
}
