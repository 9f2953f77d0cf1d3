import { GIB, MIB, type Bytes } from '../../base/index.ts'
import { portVariable, readEnv, readHook, readStart, readTreePath } from './argv.ts'
import { Field, namePattern, orEmpty } from './field.ts'
import { parseJson } from './json.ts'
import { checkPairs } from './rules.ts'
import { readHandover, readHealth, readListen } from './serve.ts'
import { readCheck, readMigrate, readState } from './state.ts'
import type { OtaJson, Responsibility } from './types.ts'

const versionPattern = /^[0-9]+(\.[0-9]+){0,2}$/
const DAY_S = 86_400

/**
 * The one validator of `ota.json`, for publisher and node alike: exact types, ranges, no unknown
 * key but `x-…`, every default filled in at its strict end. Throws `BAD_TREE` with the path and a
 * hint.
 */
export function decodeOtaJson(bytes: Bytes): OtaJson {
  const at = new Field(parseJson(bytes), '').object(
    'ota',
    'name',
    'version',
    'level',
    'requires',
    'start',
    'env',
    'startTimeout',
    'stop',
    'listen',
    'health',
    'handover',
    'state',
    'migrate',
    'check',
    'shadow',
    'limits',
    'network',
    'responsibility',
    'eras',
    'params',
    'build'
  )
  at('ota').oneOf(1)
  const listen = at('listen').or([], readListen)
  const handover = readHandover(at('handover'))
  const ports = handover.proxy === 'off' ? [] : listen.map((one, i) => portVariable(one.name, i))
  const ota: OtaJson = {
    name: at('name').text(32, namePattern),
    version: at('version').or('', (field) => field.text(64)),
    level: at('level').or(0, (field) => field.oneOf(0, 1, 2)),
    requires: readRequires(at('requires')),
    start: readStart(at('start'), ports),
    env: at('env').or(new Map(), readEnv),
    startTimeoutMs: at('startTimeout').or(60_000, (field) => field.seconds(1, 3_600)),
    stop: readStop(at('stop')),
    listen,
    health: readHealth(at('health'), { listen, ports }),
    handover,
    state: readState(at('state')),
    migrate: at('migrate').or(null, readMigrate),
    check: at('check').or(null, readCheck),
    shadow: readShadow(at('shadow'), ports),
    limits: readLimits(at('limits')),
    network: readNetwork(at('network')),
    responsibility: at('responsibility').or(
      { tag: 'fixed', value: 0 } as const,
      readResponsibility
    ),
    eras: at('eras').or([], (field) => field.set(16, (one) => one.text(32, namePattern))),
    params: at('params').or('restart', (field) => field.oneOf('restart', 'live')),
    build: at('build').or(null, readBuild)
  }
  checkPairs(ota, at)
  return ota
}

function readRequires(field: Field): OtaJson['requires'] {
  const at = orEmpty(field).object('daemon', 'os', 'arch', 'node')
  return {
    daemon: at('daemon').or('', (one) => one.text(32, versionPattern)),
    os: at('os').or([], readWords),
    arch: at('arch').or([], readWords),
    node: at('node').or('', (one) => one.text(32, /^>=[0-9]+(\.[0-9]+){0,2}$/))
  }
}

function readWords(field: Field): readonly string[] {
  return field.set(16, (one) => one.text(32, /^[a-z0-9_]+$/))
}

function readStop(field: Field): OtaJson['stop'] {
  const at = orEmpty(field).object('signal', 'timeout')
  return {
    signal: at('signal').or('SIGTERM', (one) =>
      one.oneOf('SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2')
    ),
    timeoutMs: at('timeout').or(30_000, (one) => one.seconds(0, 3_600))
  }
}

function readShadow(field: Field, ports: readonly string[]): OtaJson['shadow'] {
  const at = orEmpty(field).object('policy', 'window', 'probe')
  return {
    policy: at('policy').or('prefer', (one) => one.oneOf('off', 'prefer', 'require')),
    windowMs: at('window').or(60_000, (one) => one.seconds(1, DAY_S)),
    probe: at('probe').or(null, (one) => readStart(one, ports))
  }
}

function readLimits(field: Field): OtaJson['limits'] {
  const at = orEmpty(field).object('memory', 'pids', 'nofile', 'disk')
  return {
    memory: at('memory').or(null, (one) => one.integer(MIB, 1_048_576 * GIB)),
    pids: at('pids').or(null, (one) => one.integer(1, 4_194_304)),
    nofile: at('nofile').or(null, (one) => one.integer(16, 1_048_576)),
    disk: at('disk').or(null, (one) => one.integer(MIB, 1_048_576 * GIB))
  }
}

const destination =
  /^(?:udp:dht|(?:tcp|udp):(?:[^:\s[\]]+|\[[0-9a-fA-F:.]+\](?:\/\d+)?):(?:\*|\d{1,5}))$/

function readNetwork(field: Field): OtaJson['network'] {
  const at = orEmpty(field).object('policy', 'expect')
  return {
    policy: at('policy').or('prefer', (one) => one.oneOf('off', 'prefer', 'require')),
    expect: at('expect').or([], (one) => one.set(64, (place) => place.text(128, destination)))
  }
}

function readResponsibility(field: Field): Responsibility {
  const at = field.object('from', 'run', 'fixed')
  const fixed = at('fixed').or(null, (one) => one.integer(0, 100))
  if (fixed !== null) {
    for (const key of ['from', 'run'] as const) {
      at(key).or(null, (one) => one.fail('does not go with fixed'))
    }
    return { tag: 'fixed', value: fixed }
  }
  const tag = at('from').oneOf('app', 'command')
  if (tag === 'command') return { tag, run: readHook(at('run')) }
  at('run').or(null, (one) => one.fail('belongs to from "command"'))
  return { tag }
}

function readBuild(field: Field): OtaJson['build'] {
  const at = field.object('run', 'out', 'toolchain', 'vendor')
  const tools = at('toolchain').or([], (one) => one.entries(16))
  return {
    run: readHook(at('run')),
    out: readTreePath(at('out')),
    toolchain: new Map(tools.map(([name, one]) => [name, one.text(32)])),
    vendor: at('vendor').or([], (one) => one.set(64, readTreePath))
  }
}
