import {
  isOtaError,
  OtaError,
  SECOND,
  type Bytes,
  type Clock,
  type Disk
} from '../../base/index.ts'

/** No byte within this time ends a request. */
const stallMs = 15 * SECOND
/** A request takes no longer, however well it goes on: what came is kept. */
const requestMs = 120 * SECOND
/** Pieces of a file in a folder. */
const pieceBytes = 256 * 1024

/** A part of a file as it comes. */
export interface Coming {
  /** Where in the file the first piece begins: 0 where the server knows no ranges. */
  readonly from: number
  readonly pieces: AsyncIterable<Bytes>
}

/** Files by name below one address. */
export interface Door {
  /**
   * The bytes of a file from `from` on, at least up to `to` (exclusive); null if it has no such
   * file. Leaving the loop ends the request. Throws `NO_PEERS` where nobody answers, `TIMEOUT`, and
   * `UNSUPPORTED` for an answer that is none of a plain web server, a redirect above all.
   */
  open(name: string, from: number, to: number): Promise<Coming | null>
}

export interface DoorPorts {
  readonly clock: Clock
  readonly disk: Disk
  /** Ends every request. */
  readonly signal: AbortSignal
}

/** `http:`, `https:`, `file:` or an absolute path. Throws `CONFIG_INVALID` for anything else. */
export function openDoor(ports: DoorPorts, at: string): Door {
  if (at.startsWith('/')) return new FolderDoor(ports.disk, at)
  const url = URL.canParse(at) ? new URL(at) : null
  if (url?.protocol === 'file:') return new FolderDoor(ports.disk, decodeURIComponent(url.pathname))
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url !== null && isWeb && url.search === '' && url.hash === '') {
    return new WebDoor(ports, url.href.endsWith('/') ? url.href : `${url.href}/`)
  }
  throw new OtaError('CONFIG_INVALID', `"${at}" is no address of a mirror`, {
    hint: 'give http://HOST/PATH, https://HOST/PATH or the path of a folder from the root'
  })
}

class FolderDoor implements Door {
  readonly #disk: Disk
  readonly #folder: string

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  async open(name: string, from: number, to: number): Promise<Coming | null> {
    const path = `${this.#folder}/${name}`
    const found = await this.#disk.stat(path)
    if (found === null && (await this.#disk.stat(this.#folder)) === null) {
      throw new OtaError('NO_PEERS', `there is no folder "${this.#folder}"`)
    }
    if (found?.type !== 'file') return null
    return { from, pieces: this.#pieces(path, from, Math.min(to, found.size)) }
  }

  async *#pieces(path: string, from: number, to: number): AsyncGenerator<Bytes> {
    for (let at = from; at < to; at += pieceBytes) {
      const piece = await this.#disk.readAt(path, at, Math.min(pieceBytes, to - at))
      if (piece.byteLength === 0) return
      yield piece
    }
  }
}

class WebDoor implements Door {
  readonly #ports: DoorPorts
  readonly #base: string

  constructor(ports: DoorPorts, base: string) {
    this.#ports = ports
    this.#base = base
  }

  async open(name: string, from: number, to: number): Promise<Coming | null> {
    const stop = new AbortController()
    const watch = new Watch(this.#ports, (error) => stop.abort(error))
    try {
      const response = await fetch(`${this.#base}${name}`, {
        redirect: 'manual',
        signal: stop.signal,
        headers: { range: `bytes=${from}-${to - 1}`, 'accept-encoding': 'identity' }
      })
      watch.alive()
      const start = startOf(response, from)
      if (start === null || response.body === null) {
        watch.end()
        stop.abort()
        if (start !== null || response.status === 404 || response.status === 410) return null
        throw strange(response)
      }
      return { from: start, pieces: piecesOf(response.body, watch, stop) }
    } catch (error) {
      watch.end()
      throw failureOf(error)
    }
  }
}

/** Where the body begins; null for no body. A 200 is the whole file: ranges are an offer. */
function startOf(response: Response, from: number): number | null {
  if (response.status === 200) return 0
  if (response.status !== 206) return null
  const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')
  if (range !== null && Number(range[1]) === from) return from
  throw new OtaError('UNSUPPORTED', 'it answers with another range than was asked for')
}

function strange({ status, headers }: Response): OtaError {
  if (status >= 300 && status < 400) {
    const to = headers.get('location') ?? 'nowhere'
    return new OtaError('UNSUPPORTED', `it redirects to ${to.slice(0, 200)}`)
  }
  if (status >= 500 || status === 429) return new OtaError('NO_PEERS', `it answers with ${status}`)
  return new OtaError('UNSUPPORTED', `it answers with ${status}`)
}

async function* piecesOf(
  body: ReadableStream<Bytes>,
  watch: Watch,
  stop: AbortController
): AsyncGenerator<Bytes> {
  try {
    for await (const piece of body) {
      watch.alive()
      yield piece
    }
  } catch (error) {
    throw failureOf(error)
  } finally {
    watch.end()
    stop.abort()
  }
}

/** What a request ended with, in our words; faults of our own are not among them. */
function failureOf(error: unknown): unknown {
  if (isOtaError(error)) return error
  // `fetch` says only that it failed; why is in the cause.
  const isNetwork = error instanceof TypeError || (error instanceof Error && 'code' in error)
  if (!isNetwork) return error
  const { cause } = error
  const why = cause instanceof Error && 'code' in cause ? `: ${String(cause.code)}` : ''
  return new OtaError('NO_PEERS', `nobody answers there${why}`, { cause: error })
}

/** Ends a request that stalls, takes too long, or is wanted no more. */
class Watch {
  readonly #ports: DoorPorts
  readonly #cancelAll: () => void
  readonly #late: () => void
  readonly #closed: () => void
  #cancel: () => void

  constructor(ports: DoorPorts, stop: (error: OtaError) => void) {
    this.#ports = ports
    this.#late = () => {
      stop(new OtaError('TIMEOUT', `no byte came within ${stallMs / SECOND} s`))
    }
    this.#closed = () => stop(new OtaError('NO_PEERS', 'it is asked no more'))
    this.#cancel = ports.clock.after(stallMs, this.#late)
    this.#cancelAll = ports.clock.after(requestMs, () => {
      stop(new OtaError('TIMEOUT', `it gave too little within ${requestMs / SECOND} s`))
    })
    ports.signal.addEventListener('abort', this.#closed, { once: true })
    if (ports.signal.aborted) this.#closed()
  }

  alive(): void {
    this.#cancel()
    this.#cancel = this.#ports.clock.after(stallMs, this.#late)
  }

  end(): void {
    this.#cancel()
    this.#cancelAll()
    this.#ports.signal.removeEventListener('abort', this.#closed)
  }
}
