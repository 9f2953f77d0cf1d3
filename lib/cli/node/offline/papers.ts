import {
  equal,
  fromHex,
  fromText,
  isOtaError,
  MIB,
  OtaError,
  toText,
  type Bytes,
  type Code,
  type Disk
} from '../../../base/index.ts'
import { bundleTag, decodeAnswer, type Answer } from '../../../records/index.ts'
import { fromLongName, fromName, toName } from '../../../trust/index.ts'

/** One file of a folder of statements, or a dump of feeds: a node keeps at most 8 MiB. */
const fileBytesMost = 16 * MIB
/** Files of one folder, and lines of one dump. */
const papersMost = 20_000

/** What lies in a file, by its first bytes; nothing of it is judged yet. */
export type Paper =
  | {
      readonly tag: 'statement' | 'evidence' | 'membership' | 'invite' | 'card'
      readonly source: string
      readonly bytes: Bytes
    }
  | { readonly tag: 'answer'; readonly source: string; readonly answer: Answer }
  | {
      readonly tag: 'unreadable'
      readonly source: string
      readonly code: Code
      readonly message: string
      readonly hint: string
    }

/**
 * Everything in a file, or in the files of a folder and of `trusted` and `pending` below it. Throws
 * `USAGE` where there is nothing to read, `OVER_LIMIT` for more than anybody has to judge.
 */
export async function readPapers(disk: Disk, path: string): Promise<readonly Paper[]> {
  const found = await disk.stat(path)
  if (found === null) throw new OtaError('USAGE', `there is no file or folder ${path}`)
  const files = found.type === 'folder' ? await filesOf(disk, path) : [path]
  const papers: Paper[] = []
  for (const file of files) {
    const source = file === path ? file : file.slice(path.length + 1)
    papers.push(...(await readFile(disk, file, source)))
    if (papers.length > papersMost) {
      throw new OtaError('OVER_LIMIT', `${path} holds more than ${papersMost} statements`)
    }
  }
  if (papers.length === 0) {
    throw new OtaError('USAGE', `there is nothing to judge in ${path}`, {
      hint: 'name a statement, a request, a folder of them, or a version folder with its ota.json'
    })
  }
  return papers
}

/** A home keeps its statements in two folders, beside much that is none. */
async function filesOf(disk: Disk, folder: string): Promise<readonly string[]> {
  const kept: string[] = []
  for (const place of ['trusted', 'pending']) {
    if ((await disk.stat(`${folder}/${place}`))?.type !== 'folder') continue
    kept.push(...(await plainFiles(disk, `${folder}/${place}`)))
  }
  return kept.length > 0 ? kept : await plainFiles(disk, folder)
}

async function plainFiles(disk: Disk, folder: string): Promise<readonly string[]> {
  const files: string[] = []
  for (const name of await disk.list(folder)) {
    const path = `${folder}/${name}`
    if (name.startsWith('.') || name.endsWith('.tmp')) continue
    if ((await disk.stat(path))?.type === 'file') files.push(path)
  }
  return files
}

async function readFile(disk: Disk, path: string, source: string): Promise<readonly Paper[]> {
  const size = (await disk.stat(path))?.size ?? 0
  if (await isBundle(disk, path, size)) return await papersOfBundle(disk, path, source)
  if (size > fileBytesMost) {
    const message = `is larger than ${fileBytesMost} bytes`
    return [{ tag: 'unreadable', source, code: 'OVER_LIMIT', message, hint: noPaper }]
  }
  const bytes = (await disk.read(path)) ?? new Uint8Array()
  const paper = paperOf(bytes, source)
  if (paper !== null) return [paper]
  return papersOfText(bytes, source)
}

async function isBundle(disk: Disk, path: string, size: number): Promise<boolean> {
  const head = bundleTag.byteLength
  return size >= head && equal(await disk.readAt(path, 0, head), bundleTag)
}

/** A bundle is read whole, its cores too: one that is damaged has no paper that counts. */
async function papersOfBundle(disk: Disk, path: string, source: string): Promise<readonly Paper[]> {
  const { readBundle } = await import('../../../feed/index.ts')
  try {
    const { papers } = await readBundle(disk, path, { network: null })
    return papers.map(({ tag, bytes }, at) => ({ tag, source: `${source}:${at + 1}`, bytes }))
  } catch (error) {
    if (!isOtaError(error)) throw error
    const hint = error.hint ?? 'have it exported again'
    return [{ tag: 'unreadable', source, code: error.code, message: error.message, hint }]
  }
}

/** One line is a paper that people pass on; several are a dump of feeds, a block each. */
function papersOfText(bytes: Bytes, source: string): readonly Paper[] {
  const lines = isPlainText(bytes)
    ? toText(bytes)
        .split('\n')
        .map((line) => line.trim())
    : []
  const filled = lines.filter((line) => line !== '').length
  if (filled === 0) return [strange(source)]
  return lines.slice(0, papersMost + 1).flatMap((line, index) => {
    if (line === '') return []
    const place = filled === 1 ? source : `${source}:${index + 1}`
    const block = bytesOf(line)
    return [(block && paperOf(block, place)) ?? strange(place)]
  })
}

/** A block in z-base-32 or, as some tools print it, in hex; no text of ours is both. */
function bytesOf(line: string): Bytes | null {
  return /^(?:[0-9a-f]{2})+$/.test(line) ? fromHex(line) : fromLongName(line)
}

function isPlainText(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0x0a || byte === 0x0d || (byte >= 0x20 && byte < 0x7f))
}

const heads = {
  statement: fromText('upswell/statement/1'),
  request: fromText('upswell/request/1'),
  answer: fromText('upswell/answer/1'),
  card: fromText('upswell/card/1'),
  invite: fromText('upswell/invite/1'),
  certificate: fromText('upswell/certificate/1'),
  key: fromText('upswell/key/1')
}

/** By the first bytes, which say what it wants to be; null for what is none of ours. */
function paperOf(bytes: Bytes, source: string): Paper | null {
  const is = (head: Bytes): boolean => equal(bytes.subarray(0, head.byteLength), head)
  if (is(heads.statement)) return { tag: 'statement', source, bytes }
  if (is(heads.request)) {
    return { tag: 'statement', source, bytes: bytes.subarray(heads.request.byteLength) }
  }
  if (is(heads.answer)) return answerOf(bytes, source)
  if (is(heads.card)) return { tag: 'card', source, bytes }
  if (is(heads.invite)) {
    const tag = hasWithin(bytes, heads.certificate) ? 'membership' : 'invite'
    return { tag, source, bytes }
  }
  if (is(heads.key)) {
    const hint = 'verify the .card of this key; the key itself stays with its owner'
    return { tag: 'unreadable', source, code: 'WRONG_TYPE', message: 'is a secret key file', hint }
  }
  // Evidence has no text at its head: wire version, then its type.
  const isEvidence = (bytes[0] === 0x01 || bytes[0] === 0x81) && bytes.byteLength > 100
  return isEvidence ? { tag: 'evidence', source, bytes } : null
}

function answerOf(bytes: Bytes, source: string): Paper {
  try {
    return { tag: 'answer', source, answer: decodeAnswer(bytes) }
  } catch (error) {
    if (!isOtaError(error)) throw error
    const { code, message } = error
    return { tag: 'unreadable', source, code, message, hint: 'ask its signer to send it again' }
  }
}

function hasWithin(bytes: Bytes, part: Bytes): boolean {
  for (let at = 1; at + part.byteLength <= bytes.byteLength; at++) {
    if (equal(bytes.subarray(at, at + part.byteLength), part)) return true
  }
  return false
}

const noPaper =
  'need a statement, a request, an answer, a card, an invite, or a dump of feed blocks'

function strange(source: string): Paper {
  const message = 'is no statement and no paper of ours'
  return { tag: 'unreadable', source, code: 'NOT_CANONICAL', message, hint: noPaper }
}

/** The id that a file is named for, as in `trusted`; null for any other name. */
export function idInName(source: string): Bytes | null {
  const name = source.slice(source.lastIndexOf('/') + 1)
  if (name.length !== 52) return null
  try {
    const id = fromName(name)
    return toName(id) === name ? id : null
  } catch (error) {
    if (isOtaError(error, 'USAGE')) return null
    throw error
  }
}
