import { OtaError, copy, equal, type Bytes, type Disk } from '../../base/index.ts'
import { readDescriptor, realClock, realDice, realDisk } from '../../host/index.ts'
import { placesAt, placesIn, toLine, type Desk } from '../../publish/index.ts'
import { firstLine, type Context } from '../frame/index.ts'

const PASSPHRASE_BYTES_MAX = 4_096
const STDIN_BYTES_MAX = 256 * 1024

/** The real machine, laid out for this person. `-` reads standard input. */
export function deskOf(context: Context): Desk {
  const disk = realDisk()
  const withStdin: Disk = {
    ...disk,
    read: async (path) =>
      path === '-' ? await readDescriptor(0, STDIN_BYTES_MAX) : await disk.read(path)
  }
  return { disk: withStdin, dice: realDice(), clock: realClock(), places: placesFor(context) }
}

/** `--home` holds everything; else keys lie with the configuration, the rest with the state. */
function placesFor({ home, terminal }: Context) {
  if (home !== null) return placesIn(absolute(home))
  const { env } = terminal
  const user = env['HOME'] ?? ''
  const config = env['XDG_CONFIG_HOME'] ?? `${user}/.config`
  const state = env['XDG_STATE_HOME'] ?? `${user}/.local/state`
  return placesAt(absolute(`${config}/upswell/keys`), absolute(`${state}/upswell/publish`))
}

/** A path from the root, without `.`, `..` and double slashes. */
export function absolute(path: string): string {
  const whole = path.startsWith('/') ? path : `${process.cwd()}/${path}`
  const parts: string[] = []
  for (const part of whole.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** From `--passphrase-fd`, else from the terminal; never from arguments or the environment. */
async function askPassphrase(context: Context, question: string): Promise<Bytes> {
  const fd = context.flags.count('passphrase-fd', 0, 1_023)
  if (fd === null) return await context.secret(question, 'passphrase-fd')
  const bytes = await readDescriptor(fd, PASSPHRASE_BYTES_MAX)
  try {
    return copy(firstLine(bytes))
  } finally {
    bytes.fill(0)
  }
}

/** A new pass phrase: on a terminal it is asked twice. */
export async function newPassphrase(context: Context, label: string): Promise<Bytes> {
  const first = await askPassphrase(context, `new pass phrase for ${label}: `)
  if (context.flags.has('passphrase-fd')) return first
  try {
    if (first.byteLength === 0) throw new OtaError('USAGE', 'the pass phrase is empty')
    const second = await context.secret('the same again: ', 'passphrase-fd')
    const isSame = equal(first, second)
    second.fill(0)
    if (!isSame) throw new OtaError('USAGE', 'the two pass phrases differ')
    return first
  } catch (error) {
    first.fill(0)
    throw error
  }
}

/** Writes what a command made, last of all; `-` is standard output. */
export async function writePaper(
  context: Context,
  desk: Desk,
  { path, bytes }: { readonly path: string; readonly bytes: Bytes }
): Promise<void> {
  if (context.dryRun) return
  if (path !== '-') {
    await desk.disk.writeDurable(path, bytes)
    await desk.disk.chmod(path, 0o644)
    return
  }
  if (context.out.options.json) {
    throw new OtaError('USAGE', '-o - and --json would share one stdout', {
      hint: 'name a file with -o'
    })
  }
  context.terminal.stdout.write(String.fromCharCode(...bytes))
}

/** As `writePaper`, for bytes that travel as one line of z32. */
export async function writeLine(
  context: Context,
  desk: Desk,
  { path, bytes }: { readonly path: string; readonly bytes: Bytes }
): Promise<void> {
  await writePaper(context, desk, { path, bytes: toLine(bytes) })
}

/** `wrote FILE`, or what would have been written. */
export function wrote(context: Context, path: string): string {
  return context.dryRun ? `would write ${path}` : `wrote ${path}`
}
