import { readHook } from './argv.ts'
import type { Field } from './field.ts'
import type { Hook, Kind, OtaJson, StateRules } from './types.ts'

const DAY_S = 86_400

/** What the state of an app is and how it goes forward and back. Throws `BAD_TREE`. */
export function readState(field: Field): StateRules {
  const at = field.object(
    'class',
    'schema',
    'from',
    'downTo',
    'lossOk',
    'shared',
    'snapshot',
    'retired',
    'kinds'
  )
  return {
    class: at('class').oneOf('none', 'snapshot', 'append-only', 'external'),
    schema: at('schema').or(0, readSchema),
    from: at('from').or([], (one) => one.set(16, readSchema)),
    downTo: at('downTo').or([], (one) => one.set(16, readSchema)),
    lossOk: at('lossOk').or(false, (one) => one.bool()),
    shared: at('shared').or(false, (one) => one.bool()),
    snapshot: at('snapshot').or('crash', (one) =>
      one.isText ? one.oneOf('crash', 'freeze') : readHook(one)
    ),
    retired: at('retired').or([], (one) => one.set(64, (kind) => kind.text(64))),
    kinds: at('kinds').or(new Map(), readKinds)
  }
}

function readSchema(field: Field): number {
  return field.integer(0, 0xffffffff)
}

function readKinds(field: Field): ReadonlyMap<string, Kind> {
  return new Map(
    field.entries(64).map(([name, one]) => {
      const at = one.object('is', 'count')
      const is = at('is').oneOf('durable', 'ephemeral', 'inPlace')
      const count = at('count').or('same', (rule) => rule.oneOf('same', 'atLeast', 'any'))
      return [name, { is, count }]
    })
  )
}

/** The transition program of a release. Throws `BAD_TREE`. */
export function readMigrate(field: Field): OtaJson['migrate'] {
  const at = field.object('run', 'down', 'timeout')
  return {
    run: readHook(at('run')),
    down: at('down').or(null, readHook),
    timeoutMs: at('timeout').or(600_000, (one) => one.seconds(1, DAY_S))
  }
}

/** The program that counts what a state holds. Throws `BAD_TREE`. */
export function readCheck(field: Field): Hook {
  const at = field.object('run', 'timeout')
  const timeoutMs = at('timeout').or(60_000, (one) => one.seconds(1, DAY_S))
  return { run: readHook(at('run')), timeoutMs }
}
