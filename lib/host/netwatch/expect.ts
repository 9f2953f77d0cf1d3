import type { Destination } from './destination.ts'
import { canonicalAddress, isInBlock } from './packet.ts'

/** One line of `network.expect`: where a release says it goes. */
interface Expected {
  readonly proto: 'tcp' | 'udp'
  readonly host: string
  /** Null: any. */
  readonly port: number | null
  /** Whether a question for a name may match as well. */
  readonly asks: boolean
}

const form = /^(tcp|udp):(\[[0-9a-fA-F:.]+\](?:\/\d+)?|[^:\s[\]]+):(\*|\d{1,5})$/

function readExpected(text: string): Expected | null {
  // any UDP packet; the names that a program asks for are still its own to declare
  if (text === 'udp:dht') return { proto: 'udp', host: '*', port: null, asks: false }
  const [, proto, host = '', port = ''] = form.exec(text) ?? []
  if (proto !== 'tcp' && proto !== 'udp') return null
  const bare = host.replaceAll(/[[\]]/g, '').toLowerCase()
  const asks = canonicalAddress(bare.split('/')[0] ?? '') === null
  return { proto, host: bare, port: port === '*' ? null : Number(port), asks }
}

/**
 * A function that says whether a destination is one that the release declares. Names match names
 * and questions for them (`*.example.org` its subdomains, `*` anything), addresses and blocks match
 * addresses. A socket of the machine cannot be declared.
 */
export function expects(lines: readonly string[]): (destination: Destination) => boolean {
  const expected = lines.flatMap((line) => readExpected(line) ?? [])
  return ({ proto, host, port }) => {
    if (proto === 'unix' || proto === 'ip') return false
    return expected.some((one) => {
      if (proto === 'dns') return one.asks && matches(host, one.host)
      return proto === one.proto && (one.port ?? port) === port && matches(host, one.host)
    })
  }
}

function matches(host: string, pattern: string): boolean {
  if (pattern === '*') return true
  if (pattern.includes('/')) return isInBlock(host, pattern)
  if (pattern.startsWith('*.')) return host.endsWith(pattern.slice(1))
  return host === (canonicalAddress(pattern) ?? pattern)
}
