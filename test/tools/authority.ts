import { Authority } from '../../lib/authority/index.ts'
import type { Facts } from '../../lib/base/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import { formatJoin, type Checkpoint, type Verdict } from '../../lib/trust/index.ts'
import { MemoryDisk } from './memory-disk.ts'
import { testNowMs, wire, type TestNetwork } from './people.ts'

export interface Event {
  readonly event: string
  readonly facts: Facts
}

/** One node's intake on a disk in memory, and what it logged. */
export interface TestNode {
  readonly authority: Authority
  readonly disk: MemoryDisk
  readonly events: readonly Event[]
  /** Hands statements in, one after the other; the verdict of the last. */
  take(...statements: readonly Statement[]): Promise<Verdict>
  /** The same disk after a restart. */
  restart(): Promise<TestNode>
}

export interface TestNodeOptions {
  readonly disk?: MemoryDisk
  readonly checkpoint?: Checkpoint | null
  readonly nowMs?: number
}

/** A node that has been told the network id and holds nothing. */
export async function bareNode(
  { id }: Pick<TestNetwork, 'id'>,
  options: TestNodeOptions = {}
): Promise<TestNode> {
  const { disk = new MemoryDisk(), checkpoint = null, nowMs = testNowMs } = options
  const events: Event[] = []
  const log = (event: string, facts: Facts = {}): void => {
    events.push({ event, facts })
  }
  const authority = await Authority.open(disk, log, {
    folder: 'home/statements',
    join: formatJoin(id, checkpoint),
    nowMs: () => nowMs
  })
  return {
    authority,
    disk,
    events,
    take: async (...statements) => {
      let verdict: Verdict = { tag: 'refused', code: 'INTERNAL', message: 'nothing', id: null }
      for (const one of statements) verdict = await authority.intake(wire(one), 'test')
      return verdict
    },
    restart: () => bareNode({ id }, { ...options, disk: disk.fork() })
  }
}

/** A node that holds T1. */
export async function nodeOf(
  network: TestNetwork,
  options: TestNodeOptions = {}
): Promise<TestNode> {
  const node = await bareNode(network, options)
  await node.take(network.first)
  return node
}

/** Tag and code of a verdict in one word, as `refused NOT_CANONICAL` or `admitted`. */
export function told(verdict: Verdict): string {
  if (verdict.tag === 'admitted' && verdict.alarm !== null) return `admitted ${verdict.alarm}`
  return 'code' in verdict ? `${verdict.tag} ${verdict.code}` : verdict.tag
}
