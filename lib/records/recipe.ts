import { dependenciesMax, fromHex, GIB, MIB, SECOND, type Bytes } from '../base/index.ts'
import { readEnv, readHook, readTreePath } from './ota-json/argv.ts'
import { Field } from './ota-json/field.ts'
import { parseJson } from './ota-json/json.ts'
import type { Argv } from './ota-json/types.ts'

/** The recipe's file, at the top of the source. */
export const recipeFile = 'ota-build.json'

const stepsMax = 32
const toolsMax = 8
const toolchainBytesMax = 64

/** Something vendored: a file by the BLAKE2b-256 of its bytes, a folder by its tree digest. */
export interface Dependency {
  readonly path: string
  readonly hash: Bytes
}

/** How a source becomes a tree. Everything the build may use is named here. */
export interface Recipe {
  /** Programs whose own version must be this one, by name. */
  readonly toolchain: ReadonlyMap<string, string>
  /** Run in order in the top folder of the source; no shell looks at the words. */
  readonly steps: readonly Argv[]
  /** The folder of the source that is the tree afterwards. */
  readonly out: string
  /** Environment beside what every build gets. */
  readonly env: ReadonlyMap<string, string>
  /** Folders in which nothing may lie but the dependencies. */
  readonly vendor: readonly string[]
  readonly dependencies: readonly Dependency[]
  /** All steps together. */
  readonly timeoutMs: number
  /** Of each process. */
  readonly memoryBytes: number
}

/**
 * The one validator of `ota-build.json`, for publisher, builder and node alike: exact types and
 * ranges, no unknown key but `x-…`. Throws `BAD_TREE` with the path and a hint.
 */
export function decodeRecipe(bytes: Bytes): Recipe {
  const at = new Field(parseJson(bytes, recipeFile), '', recipeFile).object(
    'build',
    'toolchain',
    'steps',
    'out',
    'env',
    'vendor',
    'dependencies',
    'timeout',
    'memory'
  )
  at('build').oneOf(1)
  const steps = at('steps').list(stepsMax).map(readHook)
  if (steps.length === 0) at('steps').fail('names no step')
  const vendor = at('vendor').or([], (one) => one.set(16, readTreePath))
  const out = readTreePath(at('out'))
  const kept = [...vendor, recipeFile].find((path) => isWithin(path, out) || isWithin(out, path))
  if (kept !== undefined) at('out').fail(`is, holds or lies in "${kept}"`)
  return {
    toolchain: readToolchain(at('toolchain')),
    steps,
    out,
    env: at('env').or(new Map(), readEnv),
    vendor,
    dependencies: at('dependencies').or([], (one) => readDependencies(one, vendor)),
    timeoutMs: at('timeout').or(600 * SECOND, (one) => one.seconds(1, 21_600)),
    memoryBytes: at('memory').or(2 * GIB, (one) => one.integer(64 * MIB, 1_024 * GIB))
  }
}

/** The toolchain as a release names it: `go 1.23.1, node 20.20.2`. */
export function toolchainText(toolchain: ReadonlyMap<string, string>): string {
  return [...toolchain]
    .map(([name, version]) => `${name} ${version}`)
    .toSorted()
    .join(', ')
}

/** Whether `path` is `folder` or lies somewhere below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** At least one tool, or nothing would say which machine gives the signed bytes. */
function readToolchain(field: Field): Recipe['toolchain'] {
  const tools = new Map<string, string>()
  for (const [name, version] of field.entries(toolsMax)) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._+-]{0,31}$/.test(name)) version.fail('no name of a program')
    tools.set(name, version.text(32, /^[A-Za-z0-9][A-Za-z0-9._+-]*$/))
  }
  if (tools.size === 0) field.fail('names no program', 'as "toolchain": { "node": "20.20.2" }')
  const size = toolchainText(tools).length
  if (size > toolchainBytesMax) field.fail(`at most ${toolchainBytesMax} bytes, have ${size}`)
  return tools
}

function readDependencies(field: Field, vendor: readonly string[]): readonly Dependency[] {
  const dependencies: Dependency[] = []
  for (const one of field.list(dependenciesMax)) {
    const at = one.object('path', 'hash')
    const path = readTreePath(at('path'))
    if (!vendor.some((folder) => isWithin(path, folder))) {
      at('path').fail(`"${path}" lies in no folder of vendor`)
    }
    const other = dependencies.find((before) => isWithin(path, before.path))
    const within = other ?? dependencies.find((before) => isWithin(before.path, path))
    if (within !== undefined) at('path').fail(`"${path}" and "${within.path}" overlap`)
    dependencies.push({ path, hash: fromHex(at('hash').text(64, /^[0-9a-f]{64}$/)) })
  }
  return dependencies
}
