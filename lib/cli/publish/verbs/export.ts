import type { Context, Outcome } from '../../frame/index.ts'
import { exportBundle, wishedRelease } from '../../node/bundle/export.ts'
import { outputOf } from '../../node/bundle/index.ts'
import type { Shelf } from '../../node/bundle/ports.ts'
import type { Authority } from '../../../authority/index.ts'
import type { Desk } from '../../../publish/index.ts'
import type { KnownRelease } from '../../../trust/index.ts'
import { needAuthority } from '../belief.ts'
import { deskOf } from '../desk.ts'
import { buildPatches, buildTree, isTreeHere, servedReleases } from '../online/cores.ts'
import { Station, logTo } from '../online/station.ts'

/** `export`: statements and bytes in one file, for nodes that nobody reaches. */
export async function exportRelease(context: Context): Promise<Outcome> {
  const { out, flags, args, signal } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const file = outputOf(flags.text('output'))
  const release = wishedRelease(authority.believed, args[0] ?? '')
  if (context.dryRun) return { message: `would write ${file}` }
  const station = new Station(desk, authority, {
    network: null,
    log: logTo((line) => out.detail(line))
  })
  try {
    await station.ready()
    await makeWhole(context, desk, station, release === null ? newest(authority) : [release])
    const view = await exportBundle(shelfOf(desk, station, authority), {
      file,
      release,
      channel: null,
      platform: null,
      signal,
      onBytes: (bytes) => out.progress('writing', `${bytes} bytes`)
    })
    out.result('export', { ...view }, [view.message, `join    ${view.join}`])
    return { data: { ...view } }
  } finally {
    await station.close()
  }
}

function newest({ believed }: Authority): readonly KnownRelease[] {
  const channels = new Set<string>()
  return servedReleases(believed).filter(({ body }) => {
    const isFirst = !channels.has(body.channel)
    channels.add(body.channel)
    return isFirst
  })
}

/** What is not in the store is made from the folders it was packed from. */
async function makeWhole(
  context: Context,
  desk: Desk,
  station: Station,
  releases: readonly KnownRelease[]
): Promise<void> {
  for (const artifact of releases.flatMap(({ body }) => body.artifacts)) {
    if (!(await isTreeHere(desk, station, artifact))) continue
    context.out.progress('building cores', artifact.platform)
    await buildTree(desk, station, artifact)
    await buildPatches(desk, station, artifact)
  }
}

function shelfOf(desk: Desk, station: Station, authority: Authority): Shelf {
  const { disk, clock, places } = desk
  const nowMs = (): number => clock.wallMs()
  return {
    disk,
    home: places.home,
    authority,
    pool: station.pool,
    store: station.store,
    nowMs,
    hear: (wire) => station.pool.offer(wire, nowMs()),
    versionOf: () => null
  }
}
