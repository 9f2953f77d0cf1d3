import { parse } from 'smol-toml'
import { OtaError, toText } from '../../base/index.ts'
import type { Desk } from '../../publish/index.ts'
import { compilePlan, presetFor, readPolicyFile, type PolicyFile } from '../../rollout/index.ts'
import type { Context } from '../frame/index.ts'

const PRESETS = ['standard', 'short', 'small', 'urgent'] as const

/**
 * `--plan`: a preset, or a policy file (JSON, or TOML when it ends in `.toml`). `POLICY_INVALID`
 * with the path of the bad field. A fleet nobody has counted is planned for as one node.
 */
export async function readPlan(context: Context, desk: Desk, fleet: number): Promise<PolicyFile> {
  const nodes = Math.max(1, fleet)
  const word = context.flags.text('plan')
  const preset = PRESETS.find((name) => name === word)
  if (word === null || preset !== undefined) {
    const policy = compilePlan(preset ?? presetFor(nodes), { nodes })
    return { policy, channel: null, kind: null, supersedes: null, fixes: null, floor: null }
  }
  const bytes = await desk.disk.read(word)
  if (bytes === null) {
    throw new OtaError('USAGE', `--plan: "${word}" is neither a preset nor a file`, {
      hint: `presets are ${PRESETS.join(', ')}`
    })
  }
  return readPolicyFile(parsed(toText(bytes), word), { nodes })
}

function parsed(text: string, path: string): unknown {
  try {
    return path.endsWith('.toml') ? parse(text) : (JSON.parse(text) as unknown)
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
    const first = cause.message.split('\n')[0] ?? ''
    throw new OtaError('POLICY_INVALID', `${path} cannot be read: ${first}`, { cause })
  }
}
