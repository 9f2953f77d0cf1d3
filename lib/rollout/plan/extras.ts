import { alloc, concat, fromText, toText, type Bytes } from '../../base/index.ts'
import { policyTags, type Ext, type Policy } from '../../records/index.ts'

/**
 * What a policy says beyond its fixed fields, in critical extensions: a node that cannot read one
 * holds. Tag 1 lists metrics, tag 2 fixed thresholds; all numbers big-endian.
 */
export const { metrics: metricsTag, stops: stopsTag } = policyTags

/** A metric beside success and failure, reported as one small number per node. */
export interface MetricSpec {
  readonly name: string
  readonly kind: 'rate' | 'latency' | 'number'
  /** How much worse is tolerated, in thousandths. */
  readonly margin: number
  /** Which direction is worse. */
  readonly bad: 'up' | 'down'
  /** Below so many readings before the release the node has no data, in either arm. */
  readonly denMin: number
}

/** A fixed threshold as hawkBit, AWS and Argo have them: it holds, and never halts. */
export interface ExtraStop {
  readonly what: 'failed' | 'silent'
  /** More than this share of the treated, in ppm, or more than so many. */
  readonly sharePpm: number | null
  readonly count: number | null
  /** Treated that must have enrolled before it means anything. */
  readonly minSample: number
}

export const metricsMax = 5
const stopsMax = 8
const kinds = ['rate', 'latency', 'number'] as const

/** The metrics of a policy; null where they cannot be read, and everybody holds. */
export function metricsOf({ ext }: Policy): readonly MetricSpec[] | null {
  return read(ext, metricsTag, readMetric, metricsMax)
}

/** The fixed thresholds of a policy; null where they cannot be read. */
export function stopsOf({ ext }: Policy): readonly ExtraStop[] | null {
  return read(ext, stopsTag, readStop, stopsMax)
}

/** The policy with these extras, in place of those it had. */
export function withExtras(
  policy: Policy,
  extras: { readonly metrics: readonly MetricSpec[]; readonly stops: readonly ExtraStop[] }
): Policy {
  const others = policy.ext.filter(({ tag }) => tag !== metricsTag && tag !== stopsTag)
  const parts = [
    { tag: metricsTag, list: extras.metrics.map(writeMetric) },
    { tag: stopsTag, list: extras.stops.map(writeStop) }
  ]
  const own = parts
    .filter(({ list }) => list.length > 0)
    .map(({ tag, list }) => ({ tag, bytes: concat([Uint8Array.of(list.length), ...list]) }))
  return { ...policy, ext: [...own, ...others].toSorted((a, b) => a.tag - b.tag) }
}

type ReadOne<T> = (view: DataView, at: number) => { readonly value: T; readonly end: number } | null

function read<T>(
  ext: readonly Ext[],
  tag: number,
  readOne: ReadOne<T>,
  most: number
): readonly T[] | null {
  const found = ext.find((one) => one.tag === tag)
  if (found === undefined) return []
  const { bytes } = found
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = bytes[0] ?? 0
  if (count < 1 || count > most) return null
  const out: T[] = []
  let at = 1
  for (let i = 0; i < count; i++) {
    const one = at < bytes.byteLength ? readOne(view, at) : null
    if (one === null) return null
    out.push(one.value)
    at = one.end
  }
  return at === bytes.byteLength ? out : null
}

function writeMetric({ name, kind, margin, bad, denMin }: MetricSpec): Bytes {
  const text = fromText(name)
  const fixed = alloc(8)
  const view = new DataView(fixed.buffer, fixed.byteOffset, 8)
  view.setUint8(0, kinds.indexOf(kind))
  view.setUint8(1, bad === 'up' ? 0 : 1)
  view.setUint16(2, margin)
  view.setUint32(4, denMin)
  return concat([Uint8Array.of(text.byteLength), text, fixed])
}

const readMetric: ReadOne<MetricSpec> = (view, from) => {
  const size = view.getUint8(from)
  const end = from + 1 + size + 8
  if (size < 1 || size > 32 || end > view.byteLength) return null
  const name = toText(new Uint8Array(view.buffer, view.byteOffset + from + 1, size))
  const at = from + 1 + size
  const kind = kinds[view.getUint8(at)]
  const bad = view.getUint8(at + 1)
  if (kind === undefined || bad > 1 || !isMetricName(name)) return null
  const value = {
    name,
    kind,
    margin: view.getUint16(at + 2),
    bad: bad === 0 ? ('up' as const) : ('down' as const),
    denMin: view.getUint32(at + 4)
  }
  return value.margin <= 1_000 && value.denMin >= 1 ? { value, end } : null
}

/** Names are for people and for the app that reports them. */
export function isMetricName(name: string): boolean {
  return /^[a-z][a-z0-9._-]{0,31}$/.test(name)
}

function writeStop({ what, sharePpm, count, minSample }: ExtraStop): Bytes {
  const bytes = alloc(10)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 10)
  view.setUint8(0, what === 'failed' ? 0 : 1)
  view.setUint8(1, sharePpm === null ? 1 : 0)
  view.setUint32(2, sharePpm ?? count ?? 0)
  view.setUint32(6, minSample)
  return bytes
}

const readStop: ReadOne<ExtraStop> = (view, at) => {
  const end = at + 10
  if (end > view.byteLength || view.getUint8(at) > 1 || view.getUint8(at + 1) > 1) return null
  const value = view.getUint32(at + 2)
  const isShare = view.getUint8(at + 1) === 0
  const minSample = view.getUint32(at + 6)
  if (minSample < 1 || (isShare && value > 1_000_000)) return null
  const what = view.getUint8(at) === 0 ? ('failed' as const) : ('silent' as const)
  const stop = {
    what,
    sharePpm: isShare ? value : null,
    count: isShare ? null : value,
    minSample
  }
  return { value: stop, end }
}

/** Whether a fixed threshold is passed: strictly, as hawkBit and Argo count; nobody is no share. */
export function isPassed(
  { sharePpm, count, minSample }: ExtraStop,
  have: { readonly bad: number; readonly of: number }
): boolean {
  if (have.of < minSample) return false
  if (sharePpm !== null) return have.bad * 1_000_000 > sharePpm * have.of
  return have.bad > (count ?? 0)
}
