import { fromText, HOUR, toHex, toText, type Bytes, type Disk } from '../base/index.ts'
import { alive, beat, type Look, type Pulse } from './pulse.ts'

/** Silence is written down as often: a restart may forget so much of it. */
const noteEveryMs = HOUR

/**
 * The pulse of each feed, with its silence in a plain file beside the proofs against others: a node
 * that is restarted every day must find out after seven days all the same (S35).
 */
export class Pulses {
  readonly #disk: Disk
  readonly #folder: string
  readonly #pulses = new Map<string, Pulse>()
  /** Silence as it stands in the files. */
  readonly #noted: Map<string, number>
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(disk: Disk, folder: string, noted: ReadonlyMap<string, Pulse>) {
    this.#disk = disk
    this.#folder = folder
    for (const [name, pulse] of noted) this.#pulses.set(name, pulse)
    this.#noted = new Map([...noted].map(([name, { silentMs }]) => [name, silentMs]))
  }

  static async open(disk: Disk, folder: string): Promise<Pulses> {
    const noted = new Map<string, Pulse>()
    for (const file of await disk.list(folder)) {
      const [, name] = /^([0-9a-f]{64})\.silent$/.exec(file) ?? []
      const bytes = name === undefined ? null : await disk.read(`${folder}/${file}`)
      // A note that cannot be read begins at zero: it only delays an alarm.
      const pulse = bytes === null ? null : parsePulse(toText(bytes))
      if (name !== undefined && pulse !== null) noted.set(name, pulse)
    }
    return new Pulses(disk, folder, noted)
  }

  of(feed: Bytes): Pulse {
    return this.#pulses.get(toHex(feed)) ?? alive
  }

  /** Counts one look; what it changed for good is on disk when this returns. */
  async look(feed: Bytes, look: Look): Promise<{ readonly before: Pulse; readonly after: Pulse }> {
    const name = toHex(feed)
    const before = this.of(feed)
    const after = beat(before, look)
    this.#pulses.set(name, after)
    const noted = this.#noted.get(name) ?? 0
    const isDue = after.silentMs >= noted + noteEveryMs || after.isDead !== before.isDead
    if (isDue || after.silentMs < noted) await this.#write(name)
    return { before, after }
  }

  /** Writes down what an hour has not made due yet. */
  async close(): Promise<void> {
    for (const [name, { silentMs }] of this.#pulses) {
      if (silentMs !== (this.#noted.get(name) ?? 0)) await this.#write(name)
    }
    await this.#writing
  }

  /** One after the other, each with the newest word: an older note must not come last. */
  async #write(name: string): Promise<void> {
    this.#noted.set(name, this.#pulses.get(name)?.silentMs ?? 0)
    const mine = this.#writing.then(async () => await this.#put(name))
    this.#writing = mine.catch(noop)
    await mine
  }

  async #put(name: string): Promise<void> {
    const pulse = this.#pulses.get(name) ?? alive
    const file = `${this.#folder}/${name}.silent`
    if (pulse.silentMs === 0) return await this.#disk.remove(file)
    await this.#disk.makeFolder(this.#folder)
    await this.#disk.writeDurable(file, fromText(`${JSON.stringify(pulse)}\n`))
  }
}

function noop(): void {
  // Whoever asked for the write hears of it.
}

function parsePulse(text: string): Pulse | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
  if (typeof value !== 'object' || value === null) return null
  if (!('silentMs' in value) || !('isDead' in value)) return null
  const { silentMs, isDead } = value
  if (!Number.isSafeInteger(silentMs) || typeof isDead !== 'boolean') return null
  return { silentMs: Math.max(0, Number(silentMs)), isDead }
}
