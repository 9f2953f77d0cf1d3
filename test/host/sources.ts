import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fromText, toHex } from '../../lib/base/index.ts'
import { findJail, type Jail } from '../../lib/host/index.ts'
import { recipeFile } from '../../lib/records/index.ts'
import { hash } from '../../lib/trust/index.ts'

/** The jail of this machine; null in containers and on kernels that permit no namespaces. */
export const jail: Jail | null = await findJail().then((found) =>
  found.tag === 'jail' ? found.jail : null
)

/** Whether there is a git: without one there is nothing to open. */
export const hasGit = ((): boolean => {
  try {
    execFileSync('git', ['--version'])
    return true
  } catch {
    return false
  }
})()

export type Files = Readonly<Record<string, string>>

export const vendored = 'module.exports = () => "hello"\n'

const otaJson = JSON.stringify({
  ota: 1,
  name: 'app',
  version: '1.0.0',
  start: ['node', 'main.js'],
  state: { class: 'none' }
})

/** A program whose build joins two files, one of them vendored. */
export const buildScript = `const fs = require('fs')
const dependency = fs.readFileSync('vendor/hello.js', 'utf8')
fs.mkdirSync('dist')
fs.writeFileSync('dist/main.js', dependency + '// ' + process.env.SOURCE_DATE_EPOCH + process.cwd()
  + fs.statSync('build.js').mtimeMs + process.env.MODE + '\\n')
fs.copyFileSync('ota.json', 'dist/ota.json')
`

export function recipe(more: object = {}): string {
  const path = 'vendor/hello.js'
  return JSON.stringify({
    build: 1,
    toolchain: { node: process.versions.node },
    steps: [['node', 'build.js']],
    out: 'dist',
    env: { MODE: 'test' },
    vendor: ['vendor'],
    dependencies: [{ path, hash: toHex(hash([fromText(vendored)])) }],
    timeout: 60,
    ...more
  })
}

export const sourceFiles: Files = {
  'build.js': buildScript,
  'ota.json': otaJson,
  'vendor/hello.js': vendored,
  [recipeFile]: recipe()
}

export function layFiles(folder: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

export function git(folder: string, ...args: readonly string[]): string {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@localhost', '-c', 'init.defaultBranch=main']
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' }
  return execFileSync('git', [...who, ...args], { cwd: folder, env, encoding: 'utf8' }).trim()
}

/** A repository with these files in one commit, and a tag at it. */
export function layRepository(folder: string, files: Files, tag = 'v1'): string {
  layFiles(folder, files)
  git(folder, 'init', '--quiet')
  git(folder, 'add', '--all', '--force')
  git(folder, 'commit', '--quiet', '--message', 'one')
  git(folder, 'tag', '--annotate', '--message', tag, tag)
  return git(folder, 'rev-parse', 'HEAD')
}
