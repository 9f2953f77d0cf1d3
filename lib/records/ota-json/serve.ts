import { unreachable } from '../../base/index.ts'
import { portVariable, readStart } from './argv.ts'
import { namePattern, orEmpty, type Field } from './field.ts'
import type { Handover, Listen, OtaJson, Probe } from './types.ts'

const DAY_S = 86_400

/** The ports of an app; at most 16. Throws `BAD_TREE`, as all of this file. */
export function readListen(field: Field): readonly Listen[] {
  const listen = field.list(16).map((one): Listen => {
    const at = one.object('name', 'proto', 'default', 'spares')
    return {
      name: at('name').text(32, namePattern),
      proto: at('proto').or('tcp', (proto) => proto.oneOf('tcp')),
      ...readAddress(at('default')),
      spares: at('spares').or(0, (spares) => spares.integer(0, 64))
    }
  })
  const variables = new Set(listen.map(({ name }) => portVariable(name, 1)))
  if (variables.size < listen.length) field.fail('two entries of one name')
  return listen
}

/** "HOST:PORT", a v6 host in brackets. */
function readAddress(field: Field): Pick<Listen, 'host' | 'port'> {
  const text = field.text(128)
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z.-]+)):([0-9]{1,5})$/.exec(text)
  const port = Number(match?.[3] ?? -1)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port > 65_535) return field.fail(`"${text}" is no HOST:PORT`)
  return { host, port }
}

/** What probes may name. */
interface Ports {
  readonly listen: readonly Listen[]
  readonly ports: readonly string[]
}

/** The probe and how often it is asked. */
export function readHealth(field: Field, known: Ports): OtaJson['health'] {
  const at = orEmpty(field).object('probe', 'interval', 'badFor', 'watchdog')
  return {
    probe: at('probe').or(defaultProbe(known.listen), (one) => readProbe(one, known)),
    intervalMs: at('interval').or(2_000, (one) => one.seconds(0.1, 3_600)),
    badForMs: at('badFor').or(10_000, (one) => one.seconds(0.1, 3_600)),
    watchdogMs: at('watchdog').or(0, (one) => one.seconds(0, 3_600))
  }
}

/** Without a probe the first port must accept; without a port it must stay up. */
function defaultProbe(listen: readonly Listen[]): Probe {
  const first = listen[0]
  return first === undefined
    ? { tag: 'alive', aliveMs: 20_000 }
    : { tag: 'tcp', listen: first.name }
}

function readProbe(field: Field, { listen, ports }: Ports): Probe {
  const at = field.object('http', 'tcp', 'command', 'alive', 'expect')
  const found = (['http', 'tcp', 'command', 'alive'] as const).filter((key) =>
    at(key).or(false, () => true)
  )
  const [tag] = found
  if (tag === undefined || found.length > 1) {
    return field.fail('need exactly one of http, tcp, command, alive')
  }
  if (tag !== 'http') at('expect').or(null, (one) => one.fail('belongs to an http probe'))
  const named = (name: string): string =>
    listen.some((one) => one.name === name) ? name : at(tag).fail(`no listen entry "${name}"`)
  switch (tag) {
    case 'http': {
      const [, name = '', path = ''] = /^([^:]*):(.*)$/.exec(at(tag).text(512)) ?? []
      if (!path.startsWith('/')) at(tag).fail('need LISTEN:/path')
      const expect = at('expect').or(200, (one) => one.integer(100, 599))
      return { tag, listen: named(name), path, expect }
    }
    case 'tcp':
      return { tag, listen: named(at(tag).text(32)) }
    case 'command':
      return { tag, run: readStart(at(tag), ports) }
    case 'alive':
      return { tag, aliveMs: at(tag).seconds(0.1, 3_600) }
    default:
      return unreachable(tag)
  }
}

/** How one version takes over from another; the strict end is exclusive, no proxy. */
export function readHandover(field: Field): Handover {
  const at = orEmpty(field).object(
    'class',
    'split',
    'warm',
    'observe',
    'linger',
    'drainMax',
    'maxPause',
    'proxy'
  )
  return {
    class: at('class').or('exclusive', (one) => one.oneOf('overlap', 'exclusive')),
    split: at('split').or(false, (one) => one.bool()),
    warmMs: at('warm').or(60_000, (one) => one.seconds(0, 3_600)),
    observeMs: at('observe').or(600_000, (one) => one.seconds(0, DAY_S)),
    lingerMs: at('linger').or(1_500, (one) => one.seconds(0, 600)),
    drainMaxMs: at('drainMax').or(30_000, (one) => one.seconds(0, 3_600)),
    maxPauseMs: at('maxPause').or(5_000, (one) => one.seconds(0, 3_600)),
    proxy: at('proxy').or('off', (one) => one.oneOf('off', 'bytes', 'hold'))
  }
}
