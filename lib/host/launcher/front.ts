import type { Serving } from './config.ts'
import type { Target } from './link.ts'
import { HoldKeeper } from './hold/keeper.ts'
import { Relay } from './relay.ts'
import type { RawSocket } from './raw.ts'
import { backlogUsual, sameAddress, Sockets } from './sockets.ts'

/** Who stands in a slot, as the front sees it. */
export interface InCharge {
  readonly key: string
  readonly serving: Serving | 'none'
  readonly target: Target
}

export interface FrontOptions {
  readonly pids: string
  readonly inCharge: () => InCharge | null
  readonly failed: (name: string, error: Error) => void
}

/**
 * The public addresses of a home and who accepts there: the launcher itself (relay), the holding
 * process, or the app, which is passed the very sockets. From one to the other the socket stays
 * open: it is copied, never bound anew.
 */
export class Front {
  readonly #options: FrontOptions
  readonly #sockets = new Sockets()
  readonly #relay: Relay
  readonly #hold: HoldKeeper
  readonly #addresses = new Map<string, string>()
  #turn: Promise<void> = Promise.resolve()

  constructor(options: FrontOptions) {
    this.#options = options
    this.#relay = new Relay(() => options.inCharge()?.target ?? null)
    this.#hold = new HoldKeeper(options.pids)
  }

  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#addresses)
  }

  get refused(): number {
    return this.#relay.refused
  }

  get hold(): HoldKeeper | null {
    return this.#hold.pid === null ? null : this.#hold
  }

  /** Descriptor of a socket to be passed on. */
  descriptor(name: string): number | undefined {
    return this.#sockets.descriptor(name)
  }

  /**
   * Opens `host:port` under `name` and returns the address in force; twice the same is once, a new
   * address takes the place of the one before. Rejects with the system's error if it is taken.
   */
  async listen(
    name: string,
    address: string,
    {
      how,
      backlog = backlogUsual
    }: { readonly how: Serving; readonly backlog?: number | undefined }
  ): Promise<string> {
    return await this.#inTurn(async () => {
      const actual =
        how === 'relay'
          ? await this.#relayed(name, address, backlog)
          : await this.#held(name, address, backlog)
      this.#addresses.set(name, actual)
      if (how === 'hold' && this.#options.inCharge()?.serving !== 'pass') this.#holdOn(name)
      return actual
    })
  }

  /** Lets an address go. */
  unlisten(name: string): void {
    this.#relay.close(name)
    this.#hold.close(name)
    this.#sockets.unlisten(name)
    this.#addresses.delete(name)
  }

  /**
   * Another one is in charge, or nobody: the right one accepts from now on. Resolves when nothing
   * held back is on its way to the one before.
   */
  async turn(): Promise<void> {
    const { failed, inCharge } = this.#options
    const now = inCharge()
    if (now?.serving === 'hold') this.#hold.flow(now.key, now.target.ports)
    else await this.#hold.hold()
    if (now === null || now.serving === 'none') return
    this.#inTurn(async () => await this.#arrange(now)).catch((error: unknown) => {
      if (!(error instanceof Error)) throw error
      failed(now.key, error)
    })
  }

  /** Resolves with the requests that the holding process cut off. */
  async drain(key: string, drainMaxMs: number): Promise<number> {
    return await this.#hold.drain(key, drainMaxMs)
  }

  /** Takes no more connections; the holding process ends with `stop`. */
  close(): void {
    for (const name of this.#addresses.keys()) this.unlisten(name)
    this.#sockets.close()
  }

  stop(): void {
    this.#hold.stop()
  }

  async #relayed(name: string, address: string, backlog: number): Promise<string> {
    const held = this.#addresses.get(name)
    const isOpen = held !== undefined && sameAddress(held, address)
    if (isOpen && this.#relay.socket(name) !== null) return held
    const isPassed = this.#sockets.descriptor(name) !== undefined && isOpen
    if (!isPassed && !this.#sockets.isGiven(name)) {
      return await this.#relay.open(name, address, backlog)
    }
    const { serving } = this.#options.inCharge() ?? { serving: 'none' }
    // Whoever has the sockets now goes on accepting until another one is in charge.
    if (isPassed && (serving === 'pass' || serving === 'hold')) return held
    const at = held ?? (await this.#sockets.listen(name, address, backlog))
    await this.#accept(name)
    return at
  }

  /** A socket to be passed on: the one there is, whoever accepts on it, or a new one. */
  async #held(name: string, address: string, backlog: number): Promise<string> {
    const held = this.#addresses.get(name)
    const socket = this.#relay.socket(name)
    const isHeld = this.#sockets.descriptor(name) !== undefined
    if (!isHeld && socket !== null && held !== undefined && sameAddress(held, address)) {
      await this.#sockets.adopt(name, socket)
      return held
    }
    return await this.#sockets.listen(name, address, backlog)
  }

  async #arrange({ serving, target }: InCharge): Promise<void> {
    if (serving === 'relay') {
      for (const name of Object.keys(target.ports)) {
        this.#hold.close(name)
        if (this.#relay.socket(name) === null) await this.#accept(name)
      }
      return
    }
    for (const name of this.#addresses.keys()) {
      if (this.#sockets.descriptor(name) === undefined) continue
      this.#relay.close(name)
      if (serving === 'hold') this.#holdOn(name)
      else this.#hold.close(name)
    }
  }

  async #accept(name: string): Promise<void> {
    const copy: RawSocket | undefined = await this.#sockets.copy(name)
    if (copy !== undefined) await this.#relay.open(name, copy, backlogUsual)
  }

  #holdOn(name: string): void {
    this.#hold.open(name, () => this.#sockets.raw(name))
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn
    const now = before.then(work)
    this.#turn = now.then(
      () => undefined,
      () => undefined
    )
    return await now
  }
}
