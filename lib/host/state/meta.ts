import { fromText, OtaError, toText, type Bytes } from '../../base/index.ts'
import type { StateRules } from '../../records/index.ts'

/** `state/<gen>.meta`: what this node knows of a generation; the app never sees it. */
export interface GenMeta {
  readonly schema: number
  readonly class: StateRules['class']
  /** The generation it was made from; null: it began empty. */
  readonly from: string | null
  /** The upgrade that made it. */
  readonly op: number
  /** All of it is on disk; without that it is garbage. */
  readonly sealed: boolean
  /** A version that was taken back wrote to it; it goes only by the operator's word. */
  readonly rejected: boolean
}

export function encodeMeta(meta: GenMeta): Bytes {
  return fromText(JSON.stringify({ v: 1, ...meta }) + '\n')
}

/** Throws `JOURNAL_DAMAGED`, for another format `JOURNAL_NEWER`. */
export function decodeMeta(bytes: Bytes, path: string): GenMeta {
  const fields = asFields(bytes)
  const { v, schema, from, op, sealed, rejected } = fields
  if (typeof v === 'number' && v > 1) {
    throw new OtaError('JOURNAL_NEWER', `"${path}" has format ${v}, known is 1`)
  }
  const kind = CLASSES.find((one) => one === fields['class'])
  const isWhole =
    v === 1 && isCount(schema) && isCount(op) && kind !== undefined && isGenOrNull(from)
  if (!isWhole || typeof sealed !== 'boolean' || typeof rejected !== 'boolean') {
    throw new OtaError('JOURNAL_DAMAGED', `"${path}" does not say what a generation is`, {
      hint: 'the state beside it is untouched; tell what made it, or restore the file'
    })
  }
  return { schema, class: kind, from, op, sealed, rejected }
}

const CLASSES = ['none', 'snapshot', 'append-only', 'external'] as const

function asFields(bytes: Bytes): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(toText(bytes))
    // An object out of JSON.parse has only string keys.
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isGenOrNull(value: unknown): value is string | null {
  return value === null || isGen(value)
}

/** Whether `value` is the name of a generation, `<schema>-<n>`. */
export function isGen(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,10}-\d{1,15}$/.test(value)
}
