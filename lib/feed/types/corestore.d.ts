declare module 'corestore' {
  import type Hypercore from 'hypercore'
  import type { InnerCore, KeyPair, Manifest } from 'hypercore'

  interface GetOptions {
    readonly key?: Uint8Array
    readonly discoveryKey?: Uint8Array
    readonly manifest?: Manifest
    readonly keyPair?: KeyPair
    readonly allowFork?: boolean
    readonly active?: boolean
  }
  export default class Corestore {
    constructor(storage: string | object)
    /** Not covered by semver; the contract tests hold both. */
    readonly storage: {
      hasCore(discoveryKey: Uint8Array): Promise<boolean>
      deleteCore(record: object): Promise<void>
      close(): Promise<void>
    }
    /** Cores in memory by discovery key. */
    readonly cores: { get(discoveryKey: string): InnerCore | null }
    /** Opens and attaches a core that a peer asks for; not covered by semver. */
    _attachMaybe(muxer: object, discoveryKey: Uint8Array): Promise<void>
    /** Calls `fn` for each core that comes into memory, before it is open. */
    watch(fn: (core: InnerCore) => void): void
    /** Discovery keys of all cores stored. */
    list(): AsyncIterable<Uint8Array>
    ready(): Promise<void>
    close(): Promise<void>
    session(options?: { readonly active?: boolean }): Corestore
    get(options: GetOptions): Hypercore
    replicate(stream: unknown): unknown
    staticify(core: Hypercore): Promise<Hypercore>
  }
}
