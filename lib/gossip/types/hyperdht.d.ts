declare module 'hyperdht' {
  export interface DhtAddress {
    readonly host: string
    readonly port: number
  }
  export interface DhtOptions {
    readonly bootstrap?: readonly DhtAddress[]
    readonly host?: string
    readonly port?: number
    readonly anyPort?: boolean
    readonly ephemeral?: boolean
    readonly firewalled?: boolean
  }
  export interface ConnectOptions {
    readonly relayAddresses?: readonly DhtAddress[] | null
  }
  export default class HyperDHT {
    constructor(options?: DhtOptions)
    /** Public address as other nodes report it; null while unknown. */
    readonly host: string | null
    readonly port: number
    /** The socket library; `lookup` asks the system for an address. */
    readonly udx: {
      lookup(host: string, options: { readonly family: 4 }): Promise<{ readonly host: string }>
    }
    bind(): Promise<void>
    localAddress(): DhtAddress | null
    connect(key: Uint8Array, options?: ConnectOptions): unknown
    destroy(options?: { readonly force?: boolean }): Promise<void>
  }
}
