declare module 'hypercore' {
  interface HypercorePeer {
    readonly remotePublicKey: Uint8Array
    readonly remoteFork: number
    readonly remoteLength: number
    /** Blocks held without a gap from block 0. */
    readonly remoteContiguousLength: number
    /** What follows is not covered by semver; the contract tests hold it. */
    readonly remoteBitfield: { get(index: number): boolean }
    /** Requests on their way to it. */
    readonly inflight: number
    /** Gave something that failed its proof, or could not be stored. */
    readonly paused: boolean
    readonly protomux: { readonly drained: boolean }
    readonly channel: { close(): void }
    readonly stream: { destroy(error?: unknown): void }
    readonly removed: boolean
    onrequest(message: BlockMessage): Promise<void>
    oncancel(message: { readonly request: number }): void
  }
  /** What a peer asks for. */
  interface BlockMessage {
    readonly id: number
    readonly block: { readonly index: number } | null
  }
  /** A block that was asked for; what is late is asked of a second peer. */
  interface BlockRequest {
    readonly index: number
    readonly inflight: readonly { readonly peer: HypercorePeer }[]
    hotswap: { readonly ref: { remove(block: BlockRequest): void } } | null
  }
  interface Replicator {
    /** Sessions that want blocks. */
    readonly activeSessions: number
    readonly peers: readonly HypercorePeer[]
    /** Which requests are made twice. */
    hotswaps: {
      add(block: BlockRequest): void
      remove(block: BlockRequest): void
      pick(peer: HypercorePeer): Iterable<BlockRequest>
    }
    updatePeer(peer: HypercorePeer): void
    detachFrom(muxer: object): void
    /** A channel is open at both ends. */
    _addPeer(peer: HypercorePeer): void
    /** A block is about to be sent. */
    _onupload(index: number, bytes: number, peer: HypercorePeer): void
  }
  interface KeyPair {
    readonly publicKey: Uint8Array
    readonly secretKey: Uint8Array
  }
  interface Manifest {
    readonly version: number
    readonly quorum?: number
    readonly signers: readonly { readonly publicKey: Uint8Array }[]
    readonly prologue?: { readonly hash: Uint8Array; readonly length: number }
  }
  interface Download {
    done(): Promise<boolean>
    destroy(): void
  }
  /** A core in memory, below its sessions; not covered by hypercore's semver. */
  interface InnerCore {
    /** Null until it is open. */
    readonly header: { readonly manifest: Manifest | null } | null
    readonly replicator: Replicator
    /** Takes a proof in as if a peer had sent it: upgrade or block. False if it brings nothing. */
    verify(proof: object): Promise<boolean>
    close(): Promise<void>
  }
  export default class Hypercore {
    static key(manifest: Manifest): Uint8Array
    static discoveryKey(key: Uint8Array): Uint8Array
    static createProtocolStream(isInitiator: boolean): unknown
    static defaultStorage(folder: string, options: { writeBufferSize?: number }): object
    readonly key: Uint8Array
    readonly length: number
    readonly byteLength: number
    readonly fork: number
    readonly writable: boolean
    readonly closing: Promise<void> | null
    readonly peers: readonly HypercorePeer[]
    /** Not covered by semver. */
    readonly core: InnerCore
    /** Not covered by semver: the record that `deleteCore` takes. */
    readonly state: { readonly storage: { readonly core: object } }
    ready(): Promise<void>
    close(): Promise<void>
    has(start: number, end?: number): Promise<boolean>
    get(
      index: number,
      options?: { readonly wait?: boolean; readonly timeout?: number }
    ): Promise<Uint8Array | null>
    append(
      blocks: Uint8Array | readonly Uint8Array[],
      options?: { readonly signature?: Uint8Array }
    ): Promise<{ readonly length: number }>
    truncate(length: number): Promise<void>
    update(options: { readonly wait: boolean; readonly force?: boolean }): Promise<boolean>
    treeHash(length?: number): Promise<Uint8Array>
    download(range: { readonly blocks: readonly number[] }): Download
    replicate(stream: object): unknown
    clear(start: number, end: number): Promise<unknown>
    compact(): Promise<void>
    on(event: 'append', fn: () => void): this
    on(event: 'peer-add', fn: () => void): this
    on(event: 'close', fn: () => void): this
    on(event: 'download', fn: (index: number, bytes: number, from: HypercorePeer) => void): this
    on(
      event: 'verification-error',
      fn: (
        error: Error,
        request: { readonly block: { readonly index: number } | null } | null,
        data: unknown,
        from: HypercorePeer
      ) => void
    ): this
    on(event: 'conflict', fn: (length: number, fork: number, proof: unknown) => void): this
  }
}
