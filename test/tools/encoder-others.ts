import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Whether other Nodes encode as this one: `npm run test:encoder [-- 22 24]` gets them from npm,
 * and says so where it cannot. Ends with 1 where one gives other bytes: a core that this one made
 * could then not be made whole there.
 */
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24']
const here = join(import.meta.dirname, 'encoder-here.js')
const recorded = readFileSync('fixtures/encoder/encoder-1.json', 'utf8')

const quiet: ExecFileSyncOptionsWithStringEncoding = {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore']
}

/** Where npm puts that Node, null where it has none for this machine. */
function programOf(version: string): string | null {
  const args = ['-y', `node@${version}`, '-p', 'process.execPath']
  try {
    return execFileSync('npx', args, { ...quiet, cwd: tmpdir() }).trim()
  } catch {
    return null
  }
}

function look(version: string): string {
  const node = programOf(version)
  if (node === null) return `Node ${version} cannot be had from npm here`
  const said = 'process.version + ", brotli " + process.versions.brotli'
  const name = execFileSync(node, ['-p', said], quiet).trim()
  const isSame = execFileSync(node, [here], { encoding: 'utf8' }) === recorded
  if (!isSame) process.exitCode = 1
  return `Node ${name}: ${isSame ? 'the same bytes' : 'OTHER BYTES'}`
}

for (const version of versions) process.stdout.write(`${look(version)}\n`)
