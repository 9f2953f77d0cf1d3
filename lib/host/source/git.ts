import { execFile } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { promisify } from 'node:util'
import { OtaError } from '../../base/index.ts'
import { errnoOf } from '../failure.ts'
import { systemPath } from '../jail/places.ts'

const outputBytesMax = 1_048_576
/** A folder has no date of its own: the first one that every archive format can say. */
const folderDate = '315532800 +0000'

/** Beats every `.gitattributes`: what is checked out are the very bytes that were committed. */
export const plainAttributes = '* -text -eol -ident -filter -working-tree-encoding\n'

/** Settings that no repository and no user can change: nothing of them is run, nobody is asked. */
const settings = [
  ['core.hooksPath', '/dev/null'],
  ['protocol.allow', 'never'],
  ['core.attributesFile', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.autocrlf', 'false'],
  ['core.symlinks', 'true'],
  ['gc.auto', '0']
] as const

/** The environment of every git we run; `home` is an empty folder. */
export function gitEnv(home: string): ReadonlyMap<string, string> {
  const env = new Map([
    ['HOME', home],
    ['LC_ALL', 'C'],
    ['GIT_CONFIG_NOSYSTEM', '1'],
    ['GIT_CONFIG_GLOBAL', '/dev/null'],
    ['GIT_TERMINAL_PROMPT', '0'],
    ['GIT_OPTIONAL_LOCKS', '0'],
    ['GIT_NO_REPLACE_OBJECTS', '1'],
    ['GIT_CONFIG_COUNT', String(settings.length)]
  ])
  settings.forEach(([key, value], index) => {
    env.set(`GIT_CONFIG_KEY_${index}`, key).set(`GIT_CONFIG_VALUE_${index}`, value)
  })
  return env
}

/** What a bundle is made of: a repository with one of its tags, or a folder as it lies there. */
export type BundleFrom =
  | { readonly tag: 'git'; readonly repository: string; readonly name: string | null }
  | { readonly tag: 'folder'; readonly folder: string }

export interface MakeBundle {
  /** Where it is written; must not exist. */
  readonly file: string
  /** A folder that does not exist yet, removed again. */
  readonly scratch: string
  readonly git?: string
}

/**
 * Writes a git bundle with one ref: the tag, or HEAD where none is named; of a folder a single
 * commit that depends on its files alone. `USAGE` when there is no such repository, tag or commit,
 * `CANNOT_BUILD` without git.
 */
export async function makeBundle(from: BundleFrom, options: MakeBundle): Promise<void> {
  const { file, scratch, git = 'git' } = options
  await fs.mkdir(scratch, { recursive: true })
  try {
    const run = async (args: readonly string[], more: Git = {}): Promise<string> =>
      await runGit(git, args, { ...Object.fromEntries(gitEnv(scratch)), ...more })
    if (from.tag === 'folder') {
      const own = { GIT_DIR: `${scratch}/git`, GIT_WORK_TREE: from.folder }
      await commitFolder(async (...args) => await run(args, own), own.GIT_DIR)
      await run(['bundle', 'create', '--quiet', file, 'HEAD'], own)
      return
    }
    const { repository, name } = from
    const ref = name === null ? 'HEAD' : `refs/tags/${name}`
    const at = ['-C', repository]
    await run([...at, 'rev-parse', '--quiet', '--verify', '--end-of-options', `${ref}^{commit}`])
    await run([...at, 'bundle', 'create', '--quiet', file, ref])
  } catch (cause) {
    if (cause instanceof OtaError && cause.code === 'USAGE') throw noSource(from, cause)
    throw cause
  } finally {
    await fs.rm(scratch, { recursive: true, force: true })
  }
}

type Git = Readonly<Record<string, string>>

async function commitFolder(
  run: (...args: readonly string[]) => Promise<string>,
  repository: string
): Promise<void> {
  await run('init', '--quiet', '--template=')
  await fs.mkdir(`${repository}/info`, { recursive: true })
  await fs.writeFile(`${repository}/info/attributes`, plainAttributes)
  await run('add', '--all', '--force', '.')
  const who = ['-c', 'user.name=source', '-c', 'user.email=source@localhost']
  const date = [`--date=${folderDate}`, '--quiet', '--no-gpg-sign', '--message', 'source']
  await run(...who, 'commit', ...date)
}

async function runGit(git: string, args: readonly string[], env: Git): Promise<string> {
  const all = { PATH: systemPath, GIT_COMMITTER_DATE: folderDate, ...env }
  try {
    const options = { env: all, maxBuffer: outputBytesMax }
    return (await promisify(execFile)(git, args, options)).stdout
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') throw noGit(cause)
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
    throw new OtaError('USAGE', `git: ${said.split('\n').at(-1) ?? ''}`, { cause })
  }
}

function noSource(from: BundleFrom, cause: OtaError): OtaError {
  const hint = cause.message === 'git: ' ? 'see: git tag --list, git log' : cause.message
  if (from.tag === 'folder') {
    return new OtaError('USAGE', `${from.folder} cannot be made a bundle`, { hint, cause })
  }
  const what = from.name === null ? 'commit' : `tag "${from.name}"`
  return new OtaError('USAGE', `${from.repository} has no ${what} to bundle`, { hint, cause })
}

/** Git is a program of this machine, and where it is not there is no building. */
export function noGit(cause?: unknown): OtaError {
  return new OtaError('CANNOT_BUILD', 'git is not on this machine', {
    hint: 'install git, or take the built release',
    cause
  })
}
