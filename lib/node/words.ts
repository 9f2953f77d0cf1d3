import { OtaError, type Bytes } from '../base/index.ts'
import type { State } from '../cutover/index.ts'
import type { Wishes } from '../rollout/index.ts'
import { fromName, toName, toShortName, type Believed } from '../trust/index.ts'
import type { NodeOptions } from './ports.ts'

/** What an operator said and did not take back: a note of the journal, so it outlives restarts. */
export interface Words {
  /** When a hold ends by itself, and why it was said; whether it stands is the machine's state. */
  readonly hold: { readonly untilMs: number | null; readonly reason: string } | null
  /** z32 names of releases, here and below. */
  readonly pinned: string | null
  readonly skipped: readonly string[]
  /** `apply --now`: out of turn, reported nowhere. */
  readonly now: readonly string[]
  readonly skipWindow: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

export const noWords: Words = {
  hold: null,
  pinned: null,
  skipped: [],
  now: [],
  skipWindow: [],
  labels: {}
}

/** The note under which words are kept. */
export const wordsNote = 'words'

/** Reads the note back. Our own text: the journal has checked that it is whole. */
export function readWords(notes: ReadonlyMap<string, string>): Words {
  const text = notes.get(wordsNote)
  return text === undefined ? noWords : { ...noWords, ...(JSON.parse(text) as Partial<Words>) }
}

/** A release that took charge is applied: what was said to bring it about is done with. */
export function afterInstall(words: Words, release: string | null): Words {
  if (release === null) return words
  const now = words.now.filter((name) => name !== release)
  const skipWindow = words.skipWindow.filter((name) => name !== release)
  const isSame = now.length === words.now.length && skipWindow.length === words.skipWindow.length
  return isSame ? words : { ...words, now, skipWindow }
}

/** `list` with or without `name`, in the order of saying; the same value where nothing changes. */
export function among(list: readonly string[], name: string, on: boolean): readonly string[] {
  if (list.includes(name) === on) return list
  return on ? [...list, name] : list.filter((one) => one !== name)
}

/** A release this machine cannot run, and what it lacks for it. */
export interface Unfit {
  readonly release: string
  readonly text: string
}

/** Characters of an id that name a release. */
const idLeast = 6

/**
 * The release an operator means: by the beginning of its id, or by its label where only one
 * admitted release bears it. `USAGE` for none and for several.
 */
export function releaseNamed(believed: Believed, text: string): Bytes {
  const known = [...believed.held.values()].flatMap(({ any }) =>
    any.tag === 'release' ? [any.known] : []
  )
  const byId = known.filter(({ id }) => text.length >= idLeast && toName(id).startsWith(text))
  // A label is the signers' own text: it names nothing that they did not release.
  const byLabel = believed.releases.filter(({ body }) => text !== '' && body.label === text)
  const found = byId.length > 0 ? byId : byLabel
  const [one, ...others] = found
  if (one !== undefined && others.length === 0) return one.id
  const hint = `give its label, or ${idLeast} characters or more of its id`
  if (one === undefined) {
    throw new OtaError('USAGE', `"${text}" names no release known here`, { hint })
  }
  const ids = found.map(({ id }) => toShortName(id)).join(', ')
  throw new OtaError('USAGE', `"${text}" names several releases: ${ids}`, { hint })
}

/** What goes into a decision of all that an operator wants. */
export function wishesOf(options: NodeOptions, words: Words, unfit: readonly Unfit[]): Wishes {
  return {
    windows: options.windows ?? [],
    zone: options.zone ?? noZone,
    urgentWaits: options.urgentWaits ?? false,
    skipWindow: bytesOf(words.skipWindow),
    consent: options.consent ?? 'none',
    jitterMs: options.jitterMs ?? 0,
    holdText: words.hold?.reason ?? '',
    unfit: unfit.map(({ release, text }) => ({ release: fromName(release), text }))
  }
}

export function bytesOf(names: readonly string[]): readonly Bytes[] {
  return names.map((name) => fromName(name))
}

/** When the hold that stands ends by itself; null: it stays, or there is none. */
export function holdEndMs({ held }: State, { hold }: Words): number | null {
  return held ? (hold?.untilMs ?? null) : null
}

/** Without tables of zones nobody knows when a window opens. */
function noZone(): null {
  return null
}
