import { OtaError, unreachable } from '../../../base/index.ts'
import type { Trust } from '../../../records/index.ts'
import {
  explainTrust,
  movedKeys,
  nameOf,
  reviewRelease,
  type Desk,
  type Draft,
  type OwnBuild
} from '../../../publish/index.ts'
import type { Believed } from '../../../trust/index.ts'
import { amount, escapeText, type Context, type Value } from '../../frame/index.ts'
import { absolute } from '../desk.ts'
import { thisPlatform } from '../verbs/release.ts'
import { controlLines, revokeLines } from './control.ts'
import { releaseData, releaseLines } from './release.ts'
import { trustChanges, trustLines } from './trust.ts'

export interface Looked {
  readonly data: { readonly [key: string]: Value | undefined }
  /** What is signed, in one phrase. */
  readonly sentence: string
}

/** A draft, and what this home knows to judge it by. */
export interface Looking {
  readonly desk: Desk
  readonly draft: Draft
  /** Null: this home follows no network. */
  readonly believed: Believed | null
  /** Whose keys count; null: nobody here can say. */
  readonly trust: Trust | null
}

interface Shown {
  readonly data: Looked['data']
  readonly lines: readonly string[]
  readonly sentence: string
}

/**
 * Shows everything that a signature on `draft` would vouch for, decoded from the bytes that are
 * signed and nothing else, and what it changes. Throws `BUILD_MISMATCH` for a `--build` that gives
 * another tree, `UNSUPPORTED` for what this version cannot show.
 */
export async function lookAt(context: Context, looking: Looking): Promise<Looked> {
  const { out } = context
  const { draft, trust } = looking
  const builds = buildsOf(context)
  if (builds.length > 0 && draft.body.tag !== 'release') {
    throw new OtaError('USAGE', `--build goes with a release, this is ${nameOf(draft)}`)
  }
  const { data, lines, sentence } = await shown(context, looking, builds)
  const unknown =
    trust === null ? ['trust unknown here: nobody can say whose signatures count'] : []
  out.result('review', data, [...lines, ...(isFirstTrust(draft) ? [] : unknown)])
  if (trust !== null && !looking.believed?.trust && !isFirstTrust(draft)) {
    const what = `trust ${trust.version}, which was signed here`
    out.note(`judged by ${what}: whether it is in force is not known on this machine`)
  }
  return { data, sentence }
}

/** T1 says itself who signs it. */
function isFirstTrust({ body }: Draft): boolean {
  return body.tag === 'trust' && body.trust.version === 1
}

async function shown(
  context: Context,
  { desk, draft, believed, trust }: Looking,
  builds: readonly OwnBuild[]
): Promise<Shown> {
  const { out } = context
  const { body } = draft
  const name = escapeText((body.tag === 'trust' ? body.trust : trust)?.name ?? 'an unknown network')
  switch (body.tag) {
    case 'release': {
      const { release } = body
      const remember = !context.dryRun
      const options = { believed, trust, builds, here: thisPlatform(), remember }
      const review = await reviewRelease(desk, release, options)
      const files = release.artifacts.reduce((sum, { entries }) => sum + entries, 0)
      const what = `release ${out.id(draft.id)} of ${name}, ${amount(files, 'file')}`
      return {
        data: releaseData(draft, review),
        lines: releaseLines(out, draft, review),
        sentence: `${what}, for everyone on "${release.channel}"`
      }
    }
    case 'trust':
      return showTrust(context, draft, body.trust, believed?.trust?.body ?? trust)
    case 'control': {
      const { action, release, reason, resume, stage, lifts, exclude } = body.control
      const more = { stage, lifts, exclude, trust: body.control.head.trustId }
      return {
        data: { control: draft.id, action, release, reason, resume, ...more },
        lines: controlLines(out, body.control, believed),
        sentence: `${action} of release ${out.id(release)} of ${name}`
      }
    }
    case 'revoke': {
      const { invite, slots } = body.revoke
      return {
        data: { revoke: draft.id, invite, slots },
        lines: revokeLines(out, body.revoke),
        sentence: `revoke of invite ${out.id(invite)} of ${name}`
      }
    }
    case 'era':
      throw new OtaError('UNSUPPORTED', `${nameOf(draft)} cannot be signed by this version`)
    default:
      return unreachable(body)
  }
}

function showTrust({ out }: Context, draft: Draft, next: Trust, before: Trust | null): Shown {
  const moved = before === null ? {} : movedKeys(before, next)
  const { version, epoch, expiresMs } = next
  const changes =
    before === null
      ? ['no trust before it is here: all of it is new']
      : [`against trust ${before.version}:`, ...trustChanges(out, before, next)]
  return {
    data: { trust: draft.id, version, epoch, expiresMs, ...moved },
    lines: [...trustLines(out, next), ...(version === 1 ? [] : changes), explainTrust(next)],
    sentence: `${nameOf(draft)} of ${escapeText(next.name)}`
  }
}

/** `--build DIR` or `--build PLATFORM=DIR`, each its own; `--platform` names that of a lone DIR. */
function buildsOf({ flags }: Context): readonly OwnBuild[] {
  const platform = flags.text('platform')
  const words = flags.list('build')
  if (platform !== null && words.length === 0) {
    throw new OtaError('USAGE', '--platform says which platform --build is, and there is none')
  }
  return words.map((word) => {
    const named = /^([a-z0-9]+-[a-z0-9]+)=(.+)$/.exec(word)
    const folder = named?.[2] ?? word
    return { folder: absolute(folder), name: folder, platform: named?.[1] ?? platform }
  })
}
