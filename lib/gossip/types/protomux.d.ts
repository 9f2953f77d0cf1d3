declare module 'protomux' {
  export interface State {
    start: number
    end: number
    buffer: Uint8Array | null
  }
  export interface Encoding {
    preencode(state: State, value: Uint8Array): void
    encode(state: State, value: Uint8Array): void
    decode(state: State): Uint8Array
  }
  export interface Message {
    /** False: above the high-water mark, stop until `ondrain`. */
    send(value: Uint8Array): boolean
  }
  export interface MuxChannel {
    readonly closed: boolean
    readonly drained: boolean
    addMessage(options: {
      readonly encoding: Encoding
      readonly onmessage: (value: Uint8Array) => void
    }): Message
    open(handshake: Uint8Array): void
    close(): void
  }
  export default class Protomux {
    static from(stream: object): Protomux
    /** Channels that the peer opened and nobody paired; private, held by a contract test. */
    readonly _remoteBacklog: number
    createChannel(options: {
      readonly protocol: string
      readonly id: Uint8Array
      readonly handshake: Encoding
      readonly onopen: (handshake: Uint8Array) => void
      readonly onclose: () => void
      readonly ondrain: () => void
    }): MuxChannel | null
  }
}
