import type { Field } from './field.ts'
import type { Argv } from './types.ts'

const argumentsMax = 64
const argumentBytesMax = 1_024
const placeholders = ['tree', 'state', 'config', 'tmp']

/** Names an app may not be given: they would load code, or pretend to come from the node. */
const reserved = [
  'NODE_OPTIONS',
  'PATH',
  'HOME',
  'TMPDIR',
  'PORT',
  'WATCHDOG_USEC',
  'NOTIFY_SOCKET'
]
const reservedPrefixes = ['LD_', 'DYLD_', 'OTA_', 'LISTEN_', 'PORT_']

/** Whether neither a release nor an operator may set this environment variable. */
export function isReservedEnv(name: string): boolean {
  const upper = name.toUpperCase()
  return reserved.includes(upper) || reservedPrefixes.some((prefix) => upper.startsWith(prefix))
}

/** Variables an author sets: names that are names, and none that is reserved. */
export function readEnv(field: Field): ReadonlyMap<string, string> {
  const env = new Map<string, string>()
  for (const [name, value] of field.entries(64)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) value.fail('no name of a variable')
    if (isReservedEnv(name)) value.fail('this variable is reserved, a release may not set it')
    env.set(name, value.text(4_096))
  }
  return env
}

/** Name of the port variable of a listen entry: the first is PORT, others PORT_NAME. */
export function portVariable(listen: string, index: number): string {
  return index === 0 ? 'PORT' : `PORT_${listen.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`
}

/** A start line or probe: placeholders of the run are filled in, `ports` are those of the relay. */
export function readStart(field: Field, ports: readonly string[]): Argv {
  const argv = readArgv(field)
  for (const argument of argv) {
    for (const [whole, port, word] of argument.matchAll(/\$\{([^}]*)\}|\{([A-Za-z_]+)\}/g)) {
      if (port !== undefined && ports.includes(port)) continue
      if (word !== undefined && placeholders.includes(word)) continue
      const known = [...placeholders.map((one) => `{${one}}`), ...ports.map((one) => `\${${one}}`)]
      const needs = '${PORT} needs a listen entry and handover.proxy'
      const hint = `${needs}; known here: ${known.join(' ')}`
      field.fail(`unknown placeholder ${whole}`, hint)
    }
  }
  return argv
}

/** A hook: it runs in the tree, and everything it names lies in the tree (review shows it all). */
export function readHook(field: Field): Argv {
  const argv = readArgv(field)
  for (const argument of argv.slice(1)) {
    if (argument.startsWith('/') || climbs(argument)) {
      field.fail(`"${argument}" leads out of the tree, a hook names files of the tree only`)
    }
  }
  return argv
}

/** A clean path inside the tree: relative, no "." or ".." part. */
export function readTreePath(field: Field): string {
  const path = field.text(512)
  const clean = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  return clean ? path : field.fail(`"${path}" is no path inside the tree`)
}

function readArgv(field: Field): Argv {
  const argv = field.list(argumentsMax).map((one) => one.text(argumentBytesMax))
  const program = argv[0] ?? ''
  if (program === '') field.fail('names no program')
  if (program.startsWith('/') || climbs(program)) {
    const hint = 'an operator can put another command in its place in the local configuration'
    field.fail(`program "${program}" is neither a name on PATH nor a path inside the tree`, hint)
  }
  return argv
}

function climbs(argument: string): boolean {
  return argument.split(/[/=]/).includes('..')
}
