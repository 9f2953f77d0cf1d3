declare module 'hyperswarm' {
  /** A Noise stream, both ends authenticated. */
  export interface Connection {
    readonly isInitiator: boolean
    readonly remotePublicKey: Uint8Array
    readonly publicKey: Uint8Array
    /** 64 bytes, equal on both ends, set once open. */
    readonly handshakeHash: Uint8Array
    readonly rawStream: {
      readonly remoteHost: string | null
      readonly remotePort: number | null
    } | null
    readonly destroyed: boolean
    on(event: 'close', fn: () => void): void
    on(event: 'error', fn: (error: Error) => void): void
    end(): void
    destroy(error?: Error): void
  }
  export interface Discovery {
    refresh(): Promise<unknown>
    destroy(): Promise<void>
  }
  export interface SwarmKeyPair {
    readonly publicKey: Uint8Array
    readonly secretKey: Uint8Array
  }
  export default class Hyperswarm {
    constructor(options: {
      readonly dht: object
      readonly keyPair: SwarmKeyPair
      readonly maxPeers: number
      readonly maxClientConnections: number
      readonly backoffs: readonly number[]
    })
    readonly keyPair: SwarmKeyPair
    readonly connections: Iterable<Connection>
    readonly destroyed: boolean
    on(event: 'connection', fn: (connection: Connection) => void): void
    off(event: 'connection', fn: (connection: Connection) => void): void
    join(
      topic: Uint8Array,
      options: { readonly server: boolean; readonly client: boolean }
    ): Discovery
    listen(): Promise<unknown>
    joinPeer(key: Uint8Array): void
    leavePeer(key: Uint8Array): void
    destroy(options?: { readonly force?: boolean }): Promise<void>
  }
}
