import { OtaError } from '../../base/index.ts'
import type { Controlled } from '../../control/index.ts'
import type { Node } from '../../node/index.ts'
import { fromName, toShortName } from '../../trust/index.ts'
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
      return { ...(await node.status()), slot: ownSlot(around), mirrors }
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

async function obey(
  node: Node,
  word: string,
  args: Readonly<Record<string, string>>
): Promise<object> {
  switch (word) {
    case 'hold':
    case 'unhold': {
      const changed = await node.hold(word === 'hold')
      const now = word === 'hold' ? 'takes no new release' : 'takes new releases'
      return { changed, message: changed ? `this node ${now} from now on` : `it ${now} already` }
    }
    case 'rollback': {
      const { from, to } = await node.rollback()
      return { from, to, message: `going back from ${short(from)} to ${short(to)}` }
    }
    case 'apply': {
      const release = await node.apply(args['release'] ?? '')
      return { release, message: `${short(release)} starts here when its turn comes` }
    }
    default:
      throw new OtaError('USAGE', `the daemon knows no word "${word}"`)
  }
}

function short(name: string): string {
  return toShortName(fromName(name))
}
