import { fromHex, OtaError, type Bytes } from '../../base/index.ts'
import { fromName, toName } from '../../trust/index.ts'

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** A peer that is dialled whatever any DHT says. */
export interface StaticPeer extends HostPort {
  /** Its swarm key. */
  readonly key: Bytes
}

/** `HOST:PORT#KEY` as it is printed and put into config files; the key in z-base-32. */
export function formatPeer({ host, port, key }: StaticPeer): string {
  return `${host}:${port}#${toName(key)}`
}

/** Reads `HOST:PORT#KEY`, the key in z-base-32 or hex; throws `USAGE`. */
export function parsePeer(text: string): StaticPeer {
  const cut = text.indexOf('#')
  if (cut < 0) throw unusable(text, 'need HOST:PORT#KEY')
  const keyText = text.slice(cut + 1)
  const key = /^[0-9a-f]{64}$/.test(keyText) ? fromHex(keyText) : fromName(keyText)
  return { ...parseHostPort(text.slice(0, cut)), key }
}

/** Reads `HOST:PORT`, a name or an IPv4 address; throws `USAGE`. */
export function parseHostPort(text: string): HostPort {
  const match = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):(\d{1,5})$/i.exec(text)
  const [, host, digits] = match ?? []
  const port = Number(digits)
  if (host === undefined || port < 1 || port > 65_535) throw unusable(text, 'need HOST:PORT')
  return { host, port }
}

function unusable(text: string, need: string): OtaError {
  return new OtaError('USAGE', `peer address ${JSON.stringify(text.slice(0, 200))}: ${need}`)
}
