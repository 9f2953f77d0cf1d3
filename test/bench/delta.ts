import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { isOtaError } from '../../lib/base/index.ts'
import { cacheFolder } from './delta/obtain.ts'
import { pairsFor, type Pair } from './delta/pairs.ts'
import { bytesTable, costTable, ratioTable, targetTable, wireTable } from './delta/report.ts'
import { measure, type Row } from './delta/rows.ts'
import { isInstalled } from './delta/run.ts'
import { judge, without } from './delta/targets.ts'
import { tools } from './delta/yardsticks.ts'

/**
 * What an update costs, on releases of others, beside other tools:
 *
 *   npm run bench:delta [-- --pairs P1,P5 | name@old..new ... | --all] [--patch-only]
 *                         [--rows FILE]
 *
 * Both releases are fetched from their registry, A is published and B after it with patches through
 * the real code, and a node on A fetches B over a real connection of two stores. A target that is
 * bytes is claimed: one that is missed ends the run with 1. Speeds and memory depend on the machine
 * and are only shown. `--all` takes about half an hour; `--patch-only` leaves the fetching out, and
 * `--rows` keeps what was measured: a run that was broken off goes on, and the figures stay.
 */
const options = {
  pairs: { type: 'string' },
  all: { type: 'boolean', default: false },
  'patch-only': { type: 'boolean', default: false },
  rows: { type: 'string' }
} as const

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

interface Asked {
  readonly pairs: readonly Pair[]
  readonly isPatchOnly: boolean
  /** A line of JSON for each pair. */
  readonly file: string | null
}

function askedPairs(): Asked {
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const words = [...(values.pairs?.split(',') ?? []), ...positionals]
  const pairs = pairsFor(words, values.all)
  return { pairs, isPatchOnly: values['patch-only'], file: values.rows ?? null }
}

/** What a run before this one measured. */
function keptRows(file: string | null): readonly Row[] {
  if (file === null || !existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row)
}

async function bench(): Promise<void> {
  const { pairs, isPatchOnly, file } = askedPairs()
  const kept = keptRows(file)
  const absent = tools.filter((name) => !isInstalled(name))
  if (absent.length > 0) say(`not installed, so not compared: ${absent.join(', ')}`)
  without(absent)
  say(`releases and the figures of other tools are kept in ${cacheFolder}`)
  const rows: Row[] = []
  for (const pair of pairs) {
    say(`${pair.id}: ${pair.name} ${pair.old} -> ${pair.now} ...`)
    const known = kept.find((one) => isDeepStrictEqual(one.pair, pair))
    const row = known ?? (await measure(pair, { isPatchOnly }))
    if (typeof row === 'string') say(`${pair.id}: skipped, ${row}`)
    else {
      rows.push(row)
      if (file !== null && known === undefined) appendFileSync(file, `${JSON.stringify(row)}\n`)
    }
  }
  if (rows.length > 0) report(rows)
}

function report(rows: readonly Row[]): void {
  const judged = judge(rows)
  const parts = [bytesTable(rows), ratioTable(rows)]
  if (rows.some(({ published }) => published !== null)) parts.push(wireTable(rows))
  for (const part of [...parts, costTable(rows), targetTable(judged)]) say(`\n${part}`)
  say('\n* HDiffPatch is in no package here: bytes measured once, for the pairs of the list')
  say('fetched: everything a node on A received, with handshake, proofs, index and headers')
  const missed = judged.filter(({ isClaimed, isMet }) => isClaimed && isMet === false)
  if (missed.length > 0) say(`claimed and missed: ${missed.map(({ id }) => id).join(', ')}`)
  process.exitCode = missed.length > 0 ? 1 : 0
}

try {
  await bench()
} catch (error) {
  if (!isOtaError(error, 'USAGE')) throw error
  say(`error: ${error.message}`)
  process.exitCode = 2
}
