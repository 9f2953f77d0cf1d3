import type { Field } from './field.ts'
import type { OtaJson } from './types.ts'

type At = (key: 'state' | 'handover' | 'migrate' | 'check' | 'level' | 'params' | 'health') => Field

/** What one part of `ota.json` owes to another. Throws `BAD_TREE` at the part to change. */
export function checkPairs(ota: OtaJson, at: At): void {
  checkHandover(ota, at)
  checkState(ota, at)
  checkLevel(ota, at)
}

function checkHandover({ handover, level, listen, state }: OtaJson, at: At): void {
  const { class: kind, proxy } = handover
  if (proxy !== 'off' && listen.length === 0) {
    at('handover').fail('proxy without a listen entry to pass on')
  }
  if (kind !== 'overlap') return
  if (level === 0 && proxy === 'off') {
    const hint = 'set handover.proxy to "bytes", or class to "exclusive"'
    at('handover').fail('class overlap at level 0 needs a proxy', hint)
  }
  const apart = state.class === 'none' || state.class === 'external'
  if (!apart && !state.shared) {
    const hint = 'set state.shared if two versions may use it at once, or class to "exclusive"'
    at('handover').fail(`class overlap with unshared state of class ${state.class}`, hint)
  }
}

function checkState({ state, migrate, check }: OtaJson, at: At): void {
  const isOurs = state.class === 'snapshot'
  if (isOurs && check === null) at('check').fail('is missing, state of class snapshot needs it')
  if (state.class === 'none' && migrate !== null) at('migrate').fail('there is no state to migrate')
  if (!isOurs && migrate !== null) {
    at('migrate').fail(`only state of class snapshot is migrated, this one is ${state.class}`)
  }
  const moves = state.from.some((schema) => schema !== state.schema)
  if (isOurs && moves && migrate === null) {
    at('migrate').fail('is missing, state.from names other schemas')
  }
  if (state.from.some((schema) => schema > state.schema)) {
    at('state').fail('from names a schema above schema')
  }
  checkWayBack(state, migrate, at)
  const both = state.retired.find((name) => state.kinds.has(name))
  if (both !== undefined) at('state').fail(`kind "${both}" is both kept and retired`)
  if (state.class === 'none' && state.kinds.size > 0) {
    at('state').fail('kinds of data without state')
  }
}

/** Code alone goes back in every other class, so there is nothing to say about state. */
function checkWayBack(state: OtaJson['state'], migrate: OtaJson['migrate'], at: At): void {
  if (state.downTo.length > 0 && (migrate?.down ?? null) === null) {
    at('migrate').fail('down is missing, state.downTo names schemas to go back to')
  }
  if (state.downTo.some((schema) => schema >= state.schema)) {
    at('state').fail('downTo names a schema that is not below schema')
  }
  if (state.lossOk && state.class !== 'snapshot') {
    at('state').fail('lossOk goes with class snapshot')
  }
}

/** What is said over the control stream needs a program that speaks it. */
function checkLevel({ level, health, params, responsibility, state }: OtaJson, at: At): void {
  if (level === 2) return
  if (health.watchdogMs > 0) at('health').fail('watchdog needs level 2')
  if (params === 'live') at('params').fail('live parameters need level 2')
  if (state.snapshot === 'freeze') at('state').fail('snapshot freeze needs level 2')
  if (responsibility.tag === 'app') at('level').fail('responsibility from the app needs level 2')
}
