import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'brittle'
import { disk } from '../artifact/trees.ts'

const run = promisify(execFile)
const child = fileURLToPath(new URL('./full-disk-child.js', import.meta.url))

async function canMount(): Promise<boolean> {
  try {
    await run('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'])
    return true
  } catch {
    return false
  }
}

test('a store that met a full disk goes on once there is space, unrestarted', async (t) => {
  if (!(await canMount())) {
    t.comment('skipped: no mount namespace can be made here')
    return
  }
  const top = await t.tmp()
  const [small, large] = [`${top}/small`, `${top}/large`]
  for (const folder of [small, large]) await disk.makeFolder(folder)
  const script = 'mount -t tmpfs -o size=60m tmpfs "$1" && exec "$0" "$2" "$1" "$3"'
  const shell = ['-rm', 'sh', '-c', script, process.execPath, small, child, large]
  const { stdout } = await run('unshare', shell)
  t.alike(stdout.trim().split('\n'), [
    'done',
    'NO_SPACE',
    'NO_SPACE',
    'store-opened-anew',
    'done',
    'done',
    'true'
  ])
})
