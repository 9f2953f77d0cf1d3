import type { Bytes } from '../../base/index.ts'
import { Field } from './field.ts'
import { parseJson } from './json.ts'

/** What a hook says of one generation of state; a migration may leave the kinds out. */
export interface CheckResult {
  readonly schema: number
  readonly kinds: ReadonlyMap<string, { readonly count: number; readonly hash: string | null }>
}

const FILE = 'the result'
const KINDS_MAX = 64

/**
 * `{"schema": n, "kinds": {"name": {"count": n, "hash": "…"}}}`, as strict as `ota.json`. Throws
 * `BAD_TREE` with the path.
 */
export function decodeCheckResult(bytes: Bytes): CheckResult {
  const at = new Field(parseJson(bytes, FILE), '', FILE).object('schema', 'kinds')
  const kinds = at('kinds')
    .or([], (one) => one.entries(KINDS_MAX))
    .map(([name, one]) => {
      const of = one.object('count', 'hash')
      const count = of('count').integer(0, Number.MAX_SAFE_INTEGER)
      return [name, { count, hash: of('hash').or(null, (hash) => hash.text(128)) }] as const
    })
  return { schema: at('schema').integer(0, 0xffffffff), kinds: new Map(kinds) }
}
