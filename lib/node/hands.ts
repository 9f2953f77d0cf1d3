import type { Facts } from '../base/index.ts'
import { step, type Command, type Event, type State, type Step } from '../cutover/index.ts'
import type { Artifact } from '../records/index.ts'
import { fromName, releaseOf, resumeNumber, type KnownRelease } from '../trust/index.ts'
import { alarmCode } from './changes.ts'
import { unknownHere, type Guarded } from './guards.ts'
import type { NodeOptions, NodeParts, NodePorts } from './ports.ts'
import type { Queue } from './queue.ts'
import { afterStep, notesOf, readRemembered, type Remembered } from './remembered.ts'
import type { Teller } from './teller.ts'
import { Trees } from './trees.ts'

export interface HandsParts {
  readonly ports: NodePorts
  readonly parts: Pick<NodeParts, 'authority' | 'machine' | 'store' | 'builder'>
  readonly options: Pick<NodeOptions, 'platform'>
  readonly queue: Queue
  readonly teller: Teller
  readonly nowMs: () => number
  /** Whether a release may come a step nearer now. */
  readonly judge: (known: KnownRelease) => Guarded
  /** Something has changed: what to do next is to be asked again. */
  readonly changed: () => void
}

/**
 * What is done on this machine: `step` says what follows from an event, the journal has it before
 * it is done, and commands go to the machine and the trees. A crash anywhere is a replay.
 */
export class Hands {
  readonly #given: HandsParts
  readonly #trees: Trees
  #state: State
  #remembered: Remembered

  constructor(given: HandsParts) {
    this.#given = given
    const { ports, parts } = given
    this.#state = parts.machine.recovered.state
    this.#remembered = readRemembered(parts.machine.notes)
    this.#trees = new Trees({
      clock: ports.clock,
      disk: ports.disk,
      log: ports.log,
      store: parts.store,
      builder: parts.builder ?? null,
      machine: parts.machine,
      emit: (event) => this.push(event),
      tell: (event, facts) => given.teller.tell(event, facts),
      known: () => this.#known(),
      find: (name) => this.#find(name),
      judge: (name) => this.#judge(name)
    })
  }

  get state(): State {
    return this.#state
  }

  get remembered(): Remembered {
    return this.#remembered
  }

  /** Goes on from what recovery found; what happened meanwhile comes on top of it. */
  async recover(): Promise<void> {
    const { queue, parts, nowMs } = this.#given
    const { machine } = parts
    await queue.add(async () => await this.#take(machine.recovered, nowMs()))
    machine.onEvent((event) => this.push(event))
  }

  /** The store is open: trees can be fetched, and what runs here is seeded. */
  open(): void {
    this.#trees.open()
    const { pointer } = this.#state
    if (pointer !== null) this.#trees.seed(pointer.release)
  }

  async close(): Promise<void> {
    await this.#trees.close()
  }

  push(event: Event): void {
    this.#given.queue.push(async () => {
      await this.step(event)
    })
  }

  /** An event that somebody waits for; false if the machine had no use for it. */
  async order(event: Event): Promise<boolean> {
    return await this.#given.queue.add(async () => await this.step(event))
  }

  /** Within the queue only. */
  async step(event: Event): Promise<boolean> {
    const nowMs = this.#given.nowMs()
    const next = step(this.#state, event, nowMs)
    if (next.ignored) {
      const state = this.#state.op?.state ?? 'idle'
      this.#given.ports.log('ignored', { event: event.tag, state })
      return false
    }
    await this.#take(next, nowMs)
    return true
  }

  /** Remembers durably what is not in the journal's own lines. Within the queue only. */
  async remember(after: Remembered): Promise<void> {
    for (const [key, text] of notesOf(this.#remembered, after)) {
      await this.#given.parts.machine.note(key, text)
    }
    this.#remembered = after
  }

  /** Journal first, then act; acting twice equals acting once. */
  async #take(next: Step, nowMs: number): Promise<void> {
    const { parts, teller, changed } = this.#given
    const { machine, authority } = parts
    const { believed } = authority
    const resumeOf = (release: string) => resumeNumber(believed, fromName(release))
    const after = afterStep(this.#remembered, next, { ms: nowMs, resumeOf })
    // One write: a death between step and memory would leave a treated node that never reports.
    await machine.append(next.lines, next.state, notesOf(this.#remembered, after))
    this.#state = next.state
    this.#remembered = after
    for (const line of next.lines) {
      if (line.tag === 'edge') {
        teller.tell('edge', { edge: line.edge, state: line.state, release: line.release })
      }
    }
    for (const command of next.commands) {
      if (!machine.perform(command)) this.#perform(command)
      if (command.tag === 'prepare') this.#trees.seed(command.release)
      if (command.tag === 'gc') await this.#letGo(command.keep)
    }
    changed()
  }

  /** Commands that are not the machine's. */
  #perform(command: Command): void {
    const { teller } = this.#given
    const { tag } = command
    if (tag === 'fetch') this.#trees.fetch(command.op, command.release)
    else if (tag === 'confirm') this.#confirm(command)
    else if (tag === 'report') {
      const { release, result, why, reason } = command
      const facts: Facts = { release, result, why, reason }
      teller.tell('report', facts)
    } else if (tag === 'alarm') teller.alarm(alarmCode(command), command.what)
  }

  #confirm({ op, release }: Extract<Command, { tag: 'confirm' }>): void {
    const judged = this.#judge(release)
    if (judged.tag === 'confirmed') this.push({ tag: 'confirmed', op })
    else if (judged.tag === 'withhold') this.push({ tag: 'withhold', release })
    else this.push({ tag: 'halted', release, why: judged.why })
  }

  #judge(release: string): Guarded {
    const known = releaseOf(this.#given.parts.authority.believed, fromName(release))
    const judged = known === null ? unknownHere : this.#given.judge(known)
    const why = 'why' in judged ? judged.why : ''
    this.#given.teller.tell('guards', { release, verdict: judged.tag, why })
    return judged
  }

  /** Frees the cores of what is not kept. */
  async #letGo(keep: readonly string[]): Promise<void> {
    const { cores } = this.#remembered
    const gone = cores.filter((release) => !keep.includes(release))
    const now = [...new Set([...cores.filter((release) => keep.includes(release)), ...keep])]
    if (now.join() !== cores.join()) await this.remember({ ...this.#remembered, cores: now })
    this.#trees.drop(gone, keep)
  }

  #find(name: string) {
    const known = releaseOf(this.#given.parts.authority.believed, fromName(name))
    const artifact = known === null ? null : this.#artifactOf(known)
    return known === null || artifact === null ? null : { known, artifact }
  }

  #artifactOf({ body }: KnownRelease): Artifact | null {
    const { platform } = this.#given.options
    const found = body.artifacts.find((one) => one.platform === platform && one.component === '')
    return found ?? null
  }

  #known(): readonly Artifact[] {
    const { held } = this.#given.parts.authority.believed
    return [...held.values()].flatMap(({ any }) => {
      const artifact = any.tag === 'release' ? this.#artifactOf(any.known) : null
      return artifact === null ? [] : [artifact]
    })
  }
}
