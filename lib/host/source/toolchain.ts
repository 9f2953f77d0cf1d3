import { realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { OtaError, toText } from '../../base/index.ts'
import { isWithin, type Recipe } from '../../records/index.ts'
import type { Place } from '../jail/job.ts'
import { systemPath } from '../jail/places.ts'
import { work, type Work, type Workshop } from './workshop.ts'

/** Folders with programs that every jail shows. */
const shown = ['/usr', '/bin', '/nix/store']

/** Where programs of a build are found: the system's, and the Node that runs us. */
export interface Tools {
  readonly path: string
  readonly places: readonly Place[]
}

/** A Node that lies elsewhere is shown too, unless its folder holds the home. */
export async function findTools(program = process.execPath, home = homedir()): Promise<Tools> {
  const bin = dirname(await realpath(program))
  const prefix = dirname(bin)
  if (systemPath.split(':').includes(bin)) return { path: systemPath, places: [] }
  const path = `${bin}:${systemPath}`
  if (shown.some((folder) => isWithin(prefix, folder))) return { path, places: [] }
  if (prefix === '/' || isWithin(home, prefix)) return { path: systemPath, places: [] }
  return { path, places: [{ path: prefix, at: prefix }] }
}

/**
 * Asks each program of the recipe for its version, in the jail. Another version is no attack and no
 * fault of the source: `CANNOT_BUILD` (S52).
 */
export async function checkToolchain(
  shop: Workshop,
  { toolchain }: Recipe,
  base: Omit<Work, 'argv'>
): Promise<void> {
  for (const [name, version] of toolchain) {
    // most programs know the first, some only the second
    const asked = [
      await work(shop, { ...base, argv: [name, '--version'] }),
      await work(shop, { ...base, argv: [name, 'version'] })
    ]
    const [first] = asked
    if (first?.exit === 127) {
      throw new OtaError('CANNOT_BUILD', `${name} is not on this machine, need ${version}`)
    }
    const said = asked.map(({ output }) => toText(output.slice(0, 4_096)))
    if (said.some((text) => hasVersion(text, version))) continue
    const have = said[0]?.trim().split('\n')[0]?.slice(0, 80) ?? ''
    throw new OtaError('CANNOT_BUILD', `${name} here is "${have}", the recipe needs ${version}`, {
      hint: 'other tools give other bytes: install that version, or take the built release',
      facts: { tool: name, have, need: version }
    })
  }
}

/** Whether a version stands in a text as a whole: 1.2 is neither in 1.20 nor in 1.2.1. */
export function hasVersion(text: string, version: string): boolean {
  const literal = version.replaceAll(/[.+]/g, '\\$&')
  return new RegExp(`(?<![0-9.])${literal}(?![\\w+-]|\\.\\w)`).test(text)
}
