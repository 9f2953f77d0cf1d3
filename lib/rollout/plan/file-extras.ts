import { isMetricName, metricsMax, type ExtraStop, type MetricSpec } from './extras.ts'
import { oneOf, readCount, readList, readShare, readText, refuse, Section } from './values.ts'

/** `gate.metrics`: what is compared beside success and failure. */
export function readMetrics(value: unknown, path: string): readonly MetricSpec[] {
  const list = readList(value, path)
  if (list.length > metricsMax) refuse(path, `at most ${metricsMax}, have ${list.length}`)
  return list.map((entry, i) => readMetric(new Section(entry, `${path}[${i}]`)))
}

function readMetric(entry: Section): MetricSpec {
  const out = {
    name: entry.get('name', '', readText),
    kind: entry.get<MetricSpec['kind']>('kind', 'number', oneOf(['rate', 'latency', 'number'])),
    margin: Math.round(entry.get('margin', 100_000, readShare) / 1_000),
    bad: entry.get<MetricSpec['bad']>('bad', 'up', oneOf(['up', 'down'])),
    denMin: entry.get('denMin', 100, readCount)
  }
  entry.end()
  if (!isMetricName(out.name)) refuse(entry.at('name'), 'must be lower case, like "p95"')
  if (out.denMin < 1) refuse(entry.at('denMin'), 'must be at least 1')
  return out
}

/** `extraStop`: fixed thresholds, as hawkBit and AWS have them; they hold and never halt. */
export function readStops(value: unknown, path: string): readonly ExtraStop[] {
  const list = readList(value, path)
  if (list.length > 8) refuse(path, `at most 8, have ${list.length}`)
  return list.map((entry, i) => readStop(new Section(entry, `${path}[${i}]`)))
}

function readStop(entry: Section): ExtraStop {
  entry.get('action', 'hold', oneOf(['hold']))
  const out = {
    what: entry.get<ExtraStop['what']>('what', 'failed', oneOf(['failed', 'silent'])),
    sharePpm: entry.get<number | null>('share', null, readShare),
    count: entry.get<number | null>('count', null, readCount),
    minSample: entry.get('minSample', 1, readCount)
  }
  entry.end()
  if ((out.sharePpm === null) === (out.count === null)) {
    refuse(entry.path, 'has a share or a count, one of them')
  }
  if (out.minSample < 1) refuse(entry.at('minSample'), 'must be at least 1')
  return out
}
