// One command makes a home a node of a network: from a join string, or from an invite file alone.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { concat } from '../../lib/base/index.ts'
import { readConfig } from '../../lib/cli/node/config/read.ts'
import { toLine } from '../../lib/publish/index.ts'
import {
  decodeInvite,
  encodeInvite,
  encodeInviteFile,
  type InviteFields
} from '../../lib/records/index.ts'
import { formatJoin, hash, sign, toName } from '../../lib/trust/index.ts'
import { node } from './operator.ts'
import { foundNetwork, keyOf, nodePair, person, wire, type TestNetwork } from '../tools/people.ts'

const network = foundNetwork()
const other = foundNetwork({ name: 'other' })
const joinOf = ({ id }: TestNetwork): string => formatJoin(id, { version: 1, id })

/** An invite file on disk, for 20 slots of `network`. */
async function inviteAt(t: TestContext, fields: Partial<InviteFields> = {}): Promise<string> {
  const canonical = encodeInvite({
    network: network.id,
    invite: nodePair(7).key,
    issuedMs: 1_000,
    notAfterMs: 0,
    slots: 20,
    weight: 1,
    rights: 0,
    labels: [],
    enrol: keyOf(4),
    ext: [],
    ...fields
  })
  const invite = decodeInvite(concat([canonical, sign(canonical, person(4))]))
  const seed = hash([Uint8Array.of(2, 7, 0, 0)])
  const file = { invite, seed, join: { version: 1, trustId: invite.network } }
  const path = join(await t.tmp(), 'demo.invite')
  await writeFile(path, toLine(encodeInviteFile(file)))
  return path
}

async function configOf(home: string) {
  const file = join(home, 'ota-node.toml')
  return (await readConfig({ file, named: true, env: {}, flags: {} })).config
}

test('a bare invite file is enough: it carries network and checkpoint', async (t) => {
  const home = join(await t.tmp(), 'home')
  const invite = await inviteAt(t)
  const said = await node(['join', invite, '--slot', '3', '--home', home, '--json'])
  t.is(said.exit, 0)
  const config = await configOf(home)
  t.alike([config.network, config.invite, config.slot], [joinOf(network), invite, 3])
  t.alike(await readdir(home), ['ota-node.toml'], 'keys are made at the first run')
  const again = await node(['join', invite, '--slot', '3', '--home', home])
  t.is(again.exit, 0)
  t.ok(again.stdout.includes('already'))
})

test('a join string is enough in an open network, and takes an invite beside it', async (t) => {
  const home = await t.tmp()
  t.is((await node(['join', joinOf(network), '--home', home])).exit, 0)
  t.alike([(await configOf(home)).network, (await configOf(home)).invite], [joinOf(network), null])
  const second = await t.tmp()
  const invite = await inviteAt(t)
  const said = await node(['join', joinOf(network), '--invite', invite, '--home', second])
  t.is(said.exit, 0)
  t.is((await configOf(second)).invite, invite)
})

test('an invite of another network, and one given twice, are refused', async (t) => {
  const home = await t.tmp()
  const invite = await inviteAt(t)
  const wrong = await node(['join', joinOf(other), '--invite', invite, '--home', home, '--json'])
  t.alike([wrong.exit, wrong.final?.code], [11, 'WRONG_NETWORK'])
  const twice = await node(['join', invite, '--invite', invite, '--home', home, '--json'])
  t.alike([twice.exit, twice.final?.code], [2, 'USAGE'])
  const slot = await node(['join', joinOf(network), '--slot', '3', '--home', home, '--json'])
  t.alike([slot.exit, slot.final?.message], [2, '--slot needs an invite'])
  t.alike(await readdir(home), [])
})

test('a slot the invite does not have is refused before anything is written', async (t) => {
  const home = await t.tmp()
  const said = await node(['join', await inviteAt(t), '--slot', '20', '--home', home, '--json'])
  t.is(said.exit, 2)
  t.is(said.final?.message, 'slot 20 is outside the invite, which has 20')
  t.is(said.final?.hint, 'give --slot 0 to 19')
  t.alike(await readdir(home), [])
})

test('an invite that is over, changed, or no invite at all is refused by code', async (t) => {
  const home = await t.tmp()
  const over = await node([
    'join',
    await inviteAt(t, { notAfterMs: 2_000 }),
    '--home',
    home,
    '--json'
  ])
  t.alike([over.exit, over.final?.code], [16, 'NOT_ELIGIBLE'])
  t.ok(over.final?.message?.startsWith('the invite ended on 1970-01-01'))
  t.ok(over.final?.hint?.includes('ota-publish invite'))
  const strange = await node([
    'join',
    await inviteAt(t, { enrol: keyOf(5) }),
    '--home',
    home,
    '--json'
  ])
  t.alike([strange.exit, strange.final?.code], [11, 'BAD_SIGNATURE'])
  const path = join(await t.tmp(), 'note.txt')
  await writeFile(path, 'no invite\n')
  const none = await node(['join', path, '--home', home, '--json'])
  t.alike([none.exit, none.final?.code], [11, 'NOT_CANONICAL'])
  const typo = await node(['join', 'nowhere.invite', '--home', home, '--json'])
  t.alike([typo.exit, typo.final?.code], [2, 'USAGE'])
  t.alike(await readdir(home), [])
})

test('a home joins one network: a second one is sent to a home of its own', async (t) => {
  const home = await t.tmp()
  await node(['join', joinOf(network), '--home', home])
  const before = await readFile(join(home, 'ota-node.toml'), 'utf8')
  const said = await node(['join', joinOf(other), '--home', home, '--json'])
  t.alike([said.exit, said.final?.code], [2, 'CONFIG_INVALID'])
  t.ok(said.final?.hint?.includes('a home of its own'))
  t.is(await readFile(join(home, 'ota-node.toml'), 'utf8'), before)
  const kept = await t.tmp()
  await mkdir(join(kept, 'trusted'))
  await writeFile(join(kept, 'trusted', toName(network.id)), wire(network.first))
  const held = await node(['join', joinOf(other), '--home', kept, '--json'])
  t.alike([held.exit, held.final?.code], [2, 'CONFIG_INVALID'], 'also by its statements alone')
  t.is((await node(['join', joinOf(network), '--home', kept])).exit, 0)
})

test('what a config lacks of what is asked for is named, and nothing is overwritten', async (t) => {
  const home = await t.tmp()
  const file = join(home, 'ota-node.toml')
  const text = `network = "${toName(network.id)}"\nlevel = "stage"\n`
  await writeFile(file, text)
  const invite = await inviteAt(t)
  const said = await node(['join', invite, '--slot', '1', '--home', home, '--json'])
  t.is(said.final?.code, 'CONFIG_INVALID')
  t.ok(said.final?.message?.includes(`invite = "${invite}"`))
  const point = await node(['join', joinOf(network), '--home', home, '--json'])
  t.ok(point.final?.message?.includes(`network = "${joinOf(network)}"`), 'a checkpoint is worth it')
  t.is((await node(['join', toName(network.id), '--home', home])).exit, 0)
  t.is(await readFile(file, 'utf8'), text)
  await writeFile(file, 'level = "stage"\n')
  const bare = await node(['join', joinOf(network), '--home', home, '--json'])
  t.ok(bare.final?.message?.endsWith('names no network'))
})

test('a dry run says what it would do, with the same refusals, and does nothing', async (t) => {
  const home = join(await t.tmp(), 'home')
  const said = await node(['join', await inviteAt(t), '--home', home, '--dry-run'])
  t.is(said.exit, 0)
  t.ok(said.stdout.startsWith('would write '))
  const slot = await node(['join', await inviteAt(t), '--slot', '99', '--home', home, '--dry-run'])
  t.is(slot.exit, 2)
  t.alike(await readdir(join(home, '..')), [])
})
