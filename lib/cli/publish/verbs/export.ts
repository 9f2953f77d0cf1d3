import type { Context, Outcome } from '../../frame/index.ts'
import { exportBundle, wishedRelease } from '../../node/bundle/export.ts'
import { outputOf } from '../../node/bundle/index.ts'
import { exportMirror } from '../../node/bundle/mirror.ts'
import type { Shelf } from '../../node/bundle/ports.ts'
import { OtaError } from '../../../base/index.ts'
import type { Authority } from '../../../authority/index.ts'
import type { Desk } from '../../../publish/index.ts'
import type { KnownRelease } from '../../../trust/index.ts'
import { needAuthority } from '../belief.ts'
import { absolute, deskOf } from '../desk.ts'
import { buildPatches, buildTree, isTreeHere, servedReleases } from '../online/cores.ts'
import { Station, logTo } from '../online/station.ts'

/** `export`: statements and bytes for nodes without peers, in one file or as a mirror. */
export async function exportRelease(context: Context): Promise<Outcome> {
  const { out, flags, args, signal } = context
  const desk = deskOf(context)
  const authority = await needAuthority(desk)
  const mirror = flags.text('mirror')
  if (mirror !== null && flags.text('output') !== null) {
    throw new OtaError('USAGE', 'a file and a mirror are two exports', {
      hint: 'give either -o FILE or --mirror DIR'
    })
  }
  const file = mirror === null ? outputOf(flags.text('output')) : absolute(mirror)
  const release = wishedRelease(authority.believed, args[0] ?? '')
  if (context.dryRun) return { message: `would write ${file}` }
  const station = new Station(desk, authority, {
    network: null,
    log: logTo((line) => out.detail(line))
  })
  try {
    await station.ready()
    const shelf = shelfOf(desk, station, authority)
    const onBytes = (bytes: number): void => out.progress('writing', `${bytes} bytes`)
    const served = servedReleases(authority.believed)
    if (mirror !== null) {
      const releases = release === null ? served : [release]
      await makeWhole(context, desk, station, releases)
      const wish = { folder: file, releases, kept: served, signal, onBytes }
      const view = await exportMirror(shelf, wish)
      out.result('mirror', { ...view }, [view.message, `join    ${view.join}`])
      return { data: { ...view } }
    }
    await makeWhole(context, desk, station, release === null ? newest(served) : [release])
    const all = { channel: null, platform: null }
    const view = await exportBundle(shelf, { file, release, ...all, signal, onBytes })
    out.result('export', { ...view }, [view.message, `join    ${view.join}`])
    return { data: { ...view } }
  } finally {
    await station.close()
  }
}

/** The first of each channel. */
function newest(served: readonly KnownRelease[]): readonly KnownRelease[] {
  const channels = new Set<string>()
  return served.filter(({ body }) => {
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
