import { OtaError } from '../../base/index.ts'
import type { Controlled } from '../../control/index.ts'
import type { Node } from '../../node/index.ts'
import { fromName, toShortName } from '../../trust/index.ts'
import { formatTime } from '../frame/index.ts'
import type { Around } from './around.ts'
import type { Bundles } from './bundle/daemon.ts'
import { checkNow } from './check.ts'
import { dumpOf } from './dump/dump.ts'
import { slotOf, type SlotView } from './slot.ts'

/** The operator's words, carried to the conductor and answered in one sentence each. */
export function controlledBy(
  node: Node,
  around: Around,
  bundles: Pick<Bundles, 'take' | 'give'>
): Controlled {
  return {
    status: async () => {
      const mirrors = around.mirrors.views()
      const status = await node.status()
      const names = { running: node.runs(), next: status.next?.release ?? null }
      const machine = await around.machine(names)
      return { ...status, slot: ownSlot(around), mirrors, machine }
    },
    why: async (release) => await node.why(release),
    onEvent: (fn) => node.onEvent(fn),
    trust: async () => await Promise.resolve(trustOf(around)),
    command: async (word, args) => {
      if (word === 'check') return await checkNow(node, around)
      if (word === 'import') return await bundles.take(args)
      if (word === 'export') return await bundles.give(args)
      return await obey(node, word, args)
    }
  }
}

function ownSlot({ identity, authority, pool, clock }: Around): SlotView | null {
  return slotOf(identity, { believed: authority.believed, pool }, clock.wallMs())
}

function trustOf({ authority, pool, store, clock }: Around): object {
  return dumpOf({
    source: 'daemon',
    believed: authority.believed,
    height: (channel) => authority.height(channel),
    pool,
    feeds: store.feeds(),
    nowMs: clock.wallMs()
  })
}

type Args = Readonly<Record<string, string>>

/** Each word with what it does and the sentence that says what came of it. */
const deeds: Readonly<Record<string, (node: Node, args: Args) => Promise<object>>> = {
  hold,
  unhold: async (node) => {
    const changed = await node.unhold()
    const now = 'takes new releases'
    return { changed, message: changed ? `this node ${now} from now on` : `it ${now} already` }
  },
  pin: async (node, args) => {
    const { release, changed } = await node.pin(args['release'] ?? '')
    return { release, changed, message: `takes no other release than ${short(release)}` }
  },
  unpin: async (node) => {
    const { changed } = await node.pin(null)
    return { changed, message: changed ? 'takes any release again' : 'nothing was pinned' }
  },
  skip: async (node, args) => {
    const { release, changed } = await node.skip(args['release'] ?? '', true)
    return { release, changed, message: `${short(release)} is passed over here, and no other` }
  },
  unskip: async (node, args) => {
    const { release, changed } = await node.skip(args['release'] ?? '', false)
    const done = changed ? 'is no longer passed over' : 'was not passed over'
    return { release, changed, message: `${short(release)} ${done}` }
  },
  rollback: async (node, args) => {
    const acceptLoss = args['accept-loss'] === 'yes'
    const { from, to, leaves } = await node.rollback({ to: args['to'] ?? null, acceptLoss })
    const stays = leaves === null ? '' : `; what was written since stays in generation ${leaves}`
    return { from, to, leaves, message: `going back from ${short(from)} to ${short(to)}${stays}` }
  },
  keep: async (node) => {
    const release = await node.keep()
    return { release, message: `stays on ${short(release)}` }
  },
  'quarantine clear': async (node, args) => {
    const release = await node.clear(args['release'] ?? '')
    return { release, message: `${short(release)} is out of quarantine and judged anew` }
  },
  label: async (node, args) => {
    const labels = await node.label(labelsOf(args))
    return { labels, message: labelsText(labels) }
  },
  apply
}

async function obey(node: Node, word: string, args: Args): Promise<object> {
  const deed = Object.hasOwn(deeds, word) ? deeds[word] : undefined
  if (deed === undefined) throw new OtaError('USAGE', `the daemon knows no word "${word}"`)
  return await deed(node, args)
}

async function hold(node: Node, args: Args): Promise<object> {
  const untilMs = args['until'] === undefined ? null : Number(args['until'])
  const reason = (args['reason'] ?? '').slice(0, reasonMost)
  const changed = await node.hold({ untilMs, reason })
  const until = untilMs === null ? '' : ` until ${formatTime(untilMs)}`
  const now = `takes no new release${until}`
  return {
    changed,
    untilMs,
    message: changed ? `this node ${now} from now on` : `it ${now} already`
  }
}

async function apply(node: Node, args: Args): Promise<object> {
  const how = { now: args['now'] === 'yes', skipWindow: args['skip-window'] === 'yes' }
  const { release, waits } = await node.apply(args['release'] ?? '', how)
  const start = how.now
    ? 'starts here now, out of its turn, and is reported nowhere'
    : 'starts here when its turn comes'
  const still = waits === null ? '' : `; it still waits: ${waits}`
  return { release, waits, message: `${short(release)} ${start}${still}` }
}

/** Letters of a reason: more is no reason but a text. */
const reasonMost = 200

function labelsOf(args: Args): Readonly<Record<string, string>> {
  const words = (args['labels'] ?? '').split(',').filter((word) => word !== '')
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)] as const
      throw new OtaError('USAGE', `"${word}" is no label: write it as name=value`)
    })
  )
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const words = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return words.length === 0 ? 'no labels' : words.join(' ')
}

function short(name: string | null): string {
  return name === null ? 'none' : toShortName(fromName(name))
}
