import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { atOnce, World } from './world.ts'

/** Installs the example as a user would, with the compiled library as its one package. */
function install(folder: string): void {
  const target = join(folder, 'node_modules', 'upswell')
  mkdirSync(target, { recursive: true })
  const library = join(import.meta.dirname, '..', '..', 'lib', 'index.js')
  writeFileSync(join(target, 'package.json'), '{"type":"module","exports":"./index.js"}')
  writeFileSync(join(target, 'index.js'), `export * from ${JSON.stringify(library)}\n`)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  cpSync('fixtures/examples/folder-swap/main.js', join(folder, 'main.js'))
}

function start(t: TestContext, world: World, folder: string): { output: () => string } {
  const env = { ...process.env, PEERS: world.address, BOOTSTRAP: '' }
  const child = spawn(process.execPath, ['main.js', world.join, 'home'], { cwd: folder, env })
  let output = ''
  const keep = (data: Buffer): void => {
    output += data.toString()
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  t.teardown(
    async () => {
      child.kill('SIGTERM')
      await ended
    },
    { order: -1 }
  )
  return { output: () => output }
}

/** Resolves once `read` gives `wanted`; rejects with what was there instead. */
async function until(read: () => string, wanted: string, output: () => string): Promise<void> {
  const endMs = performance.now() + 15_000
  while (read() !== wanted) {
    if (performance.now() > endMs) throw new Error(`wanted ${wanted}, have ${read()}\n${output()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('the example swaps its folder to a release, and back when that is aborted', async (t) => {
  const world = await World.found(t)
  const folder = world.folder('app')
  install(folder)
  await world.release(1, { 'index.html': 'one' }, { policy: atOnce })
  const { output } = start(t, world, folder)
  const page = (): string => {
    try {
      return readFileSync(join(folder, 'home', 'current', 'index.html'), 'utf8')
    } catch (error) {
      return error instanceof Error ? error.message.slice(0, 6) : 'nothing'
    }
  }
  await until(page, 'one', output)
  const second = await world.release(2, { 'index.html': 'two' }, { policy: atOnce })
  await until(page, 'two', output)
  await world.abort(second.id)
  await until(page, 'one', output)
  t.ok(output().includes('halted'), 'and it says why')
})
