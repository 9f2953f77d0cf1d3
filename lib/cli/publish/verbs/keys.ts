import { OtaError } from '../../../base/index.ts'
import {
  createKey,
  exportKey,
  importKey,
  listKeys,
  toLine,
  type Desk,
  type KeyInfo,
  type NewKey
} from '../../../publish/index.ts'
import { table, type Context, type Outcome } from '../../frame/index.ts'
import { deskOf, newPassphrase, writeLine, wrote } from '../desk.ts'
import { elsewhereFor, readPublicKey } from '../signer.ts'

/**
 * `keys new`: a signing key under a pass phrase, a feed of its own, and the card to pass on. With
 * `--sign-with` the key stays where it is, and the file has its draw secret alone.
 */
export async function keysNew(context: Context): Promise<Outcome> {
  const { flags } = context
  const desk = deskOf(context)
  const label = flags.need('label')
  const path = flags.text('output') ?? `${label}.card`
  const taken = (await listKeys(desk)).some((key) => key.label === label)
  if (taken) throw new OtaError('USAGE', `there is a key "${label}" already`)
  const elsewhere = await elsewhereOf(context, desk)
  if (context.dryRun) return { data: { label, card: path } }
  const { feedKey } = await import('../../../feed/index.ts')
  const passphrase = await newPassphrase(context, label)
  try {
    const wish = { label, passphrase, feedKeyOf: feedKey, elsewhere }
    const { info, card } = await createKey(desk, wish)
    await writeLine(context, desk, { path, bytes: card })
    const data = { ...dataOf(info), card: path }
    const ids = `key ${context.out.id(info.key)}  feed ${context.out.id(info.feed)}`
    const where = info.isElsewhere ? '  signs elsewhere' : ''
    context.out.result('key', data, `${wrote(context, path)}  ${ids}${where}`)
    return { data }
  } finally {
    passphrase.fill(0)
  }
}

async function elsewhereOf(context: Context, desk: Desk): Promise<NewKey['elsewhere']> {
  const { flags } = context
  const word = flags.text('public')
  if (flags.has('sign-with') !== (word !== null)) {
    throw new OtaError('USAGE', '--sign-with and --public go together', {
      hint: 'who signs, and with which key: --sign-with ssh-agent --public FILE.pub'
    })
  }
  if (word === null) return null
  const key = await readPublicKey(desk, word)
  const sign = elsewhereFor(context, key)
  return sign === null ? null : { key, sign }
}

export async function keysList(context: Context): Promise<Outcome> {
  const keys = await listKeys(deskOf(context))
  const { out } = context
  for (const key of keys) out.result('key', dataOf(key), null)
  if (!out.options.json) {
    const rows = keys.map(({ label, key, feed, isElsewhere }) => [
      label,
      `key ${out.id(key)}`,
      `feed ${out.id(feed)}${isElsewhere ? '  signs elsewhere' : ''}`
    ])
    for (const line of table(rows)) out.result('key', {}, line)
  }
  if (keys.length === 0) out.note('no key here yet: ota-publish keys new --label NAME')
  return { data: { keys: keys.map(dataOf) } }
}

/** `keys export`: the file stays encrypted under its pass phrase. */
export async function keysExport(context: Context): Promise<Outcome> {
  const desk = deskOf(context)
  const label = context.flags.need('label')
  const path = context.flags.text('output') ?? `${label}.key`
  const bytes = toLine(await exportKey(desk, label))
  if ((await desk.disk.stat(path)) !== null) throw new OtaError('USAGE', `${path} exists already`)
  if (!context.dryRun) await desk.disk.create(path, bytes, 0o600)
  context.out.result('export', { label, file: path }, `${wrote(context, path)}, still encrypted`)
  return { data: { label, file: path } }
}

export async function keysImport(context: Context): Promise<Outcome> {
  const desk = deskOf(context)
  const path = context.args[0] ?? ''
  const line = await desk.disk.read(path)
  if (line === null) throw new OtaError('USAGE', `there is no file ${path}`)
  if (context.dryRun) return { data: { file: path } }
  const info = await importKey(desk, line, path)
  const id = context.out.id(info.key)
  const text = `imported ${info.label}  key ${id}; its feed stays where it was made`
  context.out.result('key', dataOf(info), text)
  // the journal of what it signed is not in the file (S98)
  context.out.warn('sign with it on one machine only: what it signed before is not known here')
  return { data: dataOf(info) }
}

function dataOf({ label, key, feed, drawRoot, isElsewhere }: KeyInfo) {
  return { label, key, feed, drawRoot, elsewhere: isElsewhere }
}
