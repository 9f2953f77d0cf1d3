import { OtaError, type Bytes } from '../base/index.ts'
import type { Checkpoint } from './belief/chain.ts'
import { fromName, toName } from './names.ts'

/** What a node must be told: the network, and a trust below which it never goes. */
export interface Join {
  readonly network: Bytes
  readonly checkpoint: Checkpoint | null
}

/** `network@version:trustId`, or the bare network id without a checkpoint. */
export function formatJoin(network: Bytes, checkpoint: Checkpoint | null = null): string {
  if (checkpoint === null) return toName(network)
  return `${toName(network)}@${checkpoint.version}:${toName(checkpoint.id)}`
}

/** Reads a join string; throws `USAGE` for any other text. */
export function parseJoin(text: string): Join {
  const [networkText = '', checkpointText, ...rest] = text.trim().split('@')
  const network = fromName(networkText)
  if (checkpointText === undefined) return { network, checkpoint: null }
  const match = /^([1-9][0-9]{0,15}):(\S+)$/.exec(checkpointText)
  const version = Number(match?.[1])
  const id = match?.[2]
  if (rest.length > 0 || id === undefined || !Number.isSafeInteger(version)) {
    throw new OtaError('USAGE', `"${text}" is not a join string`, {
      hint: 'it reads NETWORK or NETWORK@VERSION:TRUSTID'
    })
  }
  return { network, checkpoint: { version, id: fromName(id) } }
}
