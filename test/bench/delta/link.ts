import Hypercore from 'hypercore'
import type { Store } from '../../../lib/feed/index.ts'

/** What two ends of a connection share with hypercore's own stream. */
interface Stream {
  pipe(other: Stream): Stream
  destroy(): void
  on(event: 'error', fn: (error: Error) => void): void
  on(event: 'data', fn: (bytes: Uint8Array) => void): void
  once(event: 'close', fn: () => void): void
  /** The encrypted stream over it. */
  readonly noiseStream: { on(event: 'error', fn: (error: Error) => void): void }
}

export interface Link {
  /** Encrypted bytes that the node got, and that it sent. */
  readonly bytes: { down: number; up: number }
  cut(): Promise<void>
}

/** Connects a node to a publisher by a Noise pair in memory, and counts what goes over it. */
export function link(publisher: Store, node: Store): Link {
  const [there, here] = [true, false].map(
    (isInitiator) => Hypercore.createProtocolStream(isInitiator) as Stream
  ) as [Stream, Stream]
  const bytes = { down: 0, up: 0 }
  there.on('data', (part) => {
    bytes.down += part.byteLength
  })
  here.on('data', (part) => {
    bytes.up += part.byteLength
  })
  const closed = [there, here].map(
    async (stream) =>
      await new Promise<void>((resolve) => {
        stream.on('error', noop)
        stream.noiseStream.on('error', noop)
        stream.once('close', resolve)
      })
  )
  there.pipe(here).pipe(there)
  publisher.replicate(there)
  node.replicate(here)
  const cut = async (): Promise<void> => {
    there.destroy()
    here.destroy()
    await Promise.all(closed)
  }
  return { bytes, cut }
}

function noop(): void {}
