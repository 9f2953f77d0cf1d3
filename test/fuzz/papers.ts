import sodium from 'sodium-native'
import { alloc, equal, fromText, toText, type Bytes } from '../../lib/base/index.ts'
import {
  cardCanonical,
  decodeInvite,
  decodeInviteFile,
  encodeAnswer,
  encodeCard,
  encodeInviteFile,
  encodeRequest
} from '../../lib/records/index.ts'
import {
  draftFrom,
  fromLine,
  readAnswers,
  readCard,
  readRequest,
  toLine,
  placesIn,
  type Desk
} from '../../lib/publish/index.ts'
import { formatJoin, parseJoin, sign, toName } from '../../lib/trust/index.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { entryOf, idOf, idOfStatement, makeAnchor, person, testNowMs } from '../tools/people.ts'
import type { Dice } from './dice.ts'
import { invites } from './members.ts'
import { mutateBytes, mutateValue, splice } from './mutate.ts'
import { attempt, demand, written, type Offered, type Outcome, type Target } from './outcome.ts'
import { network, samples, scenes } from './scenes.ts'

/** What people hand each other, as files of one line of text: requests, answers, cards, invites. */
export const papers: Target = { name: 'papers', weight: 10, sanity: sanityOfPapers, run: runPapers }

/** The text an operator is given to join a network. */
export const joins: Target = {
  name: 'join strings',
  weight: 3,
  sanity: sanityOfJoins,
  run: runJoin
}

const release = samples.find(({ name }) => name === 'release 1')!.statement
const draft = draftFrom(release)
const trustDraft = draftFrom(samples.find(({ name }) => name === 'trust 2')!.statement)
const lived = scenes.find(({ name }) => name === 'trust 1 and its life')!.believed
const held = lived.releases.find(({ id }) => equal(id, draft.id))!
const fields = { label: 'p7', key: person(7).key, feed: idOf(9), draw: null }
const drawn = { ...fields, draw: { root: makeAnchor(7).root, first: 0 } }
const join = { version: 2, trustId: idOf(3) }

// A signer is asked to sign what her version can read.
const readable = samples.filter(({ body }) => body !== null)
const requests = readable.map(({ statement }) => encodeRequest(statement))
const answer = encodeAnswer({ statement: idOfStatement(release), entry: entryOf(release, 1) })
const cards = [fields, drawn].map((one) => encodeCard(one, (bytes) => sign(bytes, person(7))))
const inviteFiles = invites.map((bytes) =>
  encodeInviteFile({ invite: decodeInvite(bytes), seed: alloc(32).fill(7), join })
)
const all: readonly Bytes[] = [...requests, answer, ...cards, ...inviteFiles]

const path = '/desk/paper'

/** The places of a signer whose disk holds one paper. */
async function deskWith(line: Bytes): Promise<Desk> {
  const disk = new MemoryDisk()
  await disk.writeDurable(path, line)
  const clock = { wallMs: () => testNowMs, steadyMs: () => 0, after: () => () => {} }
  return { disk, clock, places: placesIn('/desk'), dice: { next: () => 0, fill: (bytes) => bytes } }
}

interface Reader {
  readonly good: readonly Bytes[]
  /** Reads the line as the product does and says what is wrong with having taken it. */
  readonly read: (line: Bytes) => Promise<Outcome>
}

const same = (a: Bytes, line: Bytes): boolean => toName(a) === toText(line).trim()

const readers: readonly Reader[] = [
  {
    good: requests,
    read: async (line) => {
      const { disk } = await deskWith(line)
      return await attempt(
        () => readRequest(disk, path),
        ({ statement }) =>
          same(encodeRequest(statement), line) ? null : 'a request was read from other bytes'
      )
    }
  },
  {
    good: [answer],
    read: async (line) => {
      const desk = await deskWith(line)
      return await attempt(
        async () => await readAnswers(desk, [path], draft, []),
        ({ own }) => {
          const [entry] = own
          const bytes = entry && encodeAnswer({ statement: draft.id, entry })
          return bytes !== undefined && same(bytes, line) ? null : 'an answer to another'
        }
      )
    }
  },
  {
    // Beside a trust, answers to releases that are held are taken too, and verified.
    good: [answer],
    read: async (line) => {
      const desk = await deskWith(line)
      return await attempt(
        async () => await readAnswers(desk, [path], trustDraft, [held]),
        ({ own, releases }) => {
          const [entry] = releases.map((one) => one.entry)
          if (entry === undefined) return own.length === 1 ? null : 'an answer to nothing'
          const [key, signature] = [entry.bytes.slice(0, 32), entry.bytes.slice(32, 96)]
          const message = release.canonical
          const isSigned = sodium.crypto_sign_verify_detached(signature, message, key)
          return isSigned ? null : 'an answer nobody signed'
        }
      )
    }
  },
  {
    good: cards,
    read: async (line) =>
      await attempt(
        async () => await readCard(await deskWith(line), path),
        (card) => {
          const message = cardCanonical(card)
          const { signature, key } = card
          if (
            !same(
              encodeCard(card, () => signature),
              line
            )
          )
            return 'a card of other bytes'
          const isSigned = sodium.crypto_sign_verify_detached(signature, message, key)
          return isSigned ? null : 'a card nobody signed'
        }
      )
  },
  {
    good: inviteFiles,
    read: async (line) =>
      await attempt(
        () => decodeInviteFile(fromLine(line, 'invite')),
        (file) => (same(encodeInviteFile(file), line) ? null : 'an invite of other bytes')
      )
  }
]

async function sanityOfPapers(): Promise<void> {
  for (const { good, read } of readers) {
    for (const bytes of good) {
      const { taken, fault } = await read(toLine(bytes))
      demand(taken && fault === null, 'a good paper is refused')
    }
  }
}

async function runPapers(dice: Dice, offered: Offered): Promise<Outcome> {
  const reader = dice.pick(readers)
  const bytes = dice.pick(reader.good)
  offered.what = 'a paper'
  offered.bytes = mutatedLine(bytes, dice)
  return await reader.read(offered.bytes)
}

function mutatedLine(bytes: Bytes, dice: Dice): Bytes {
  switch (dice.below(6)) {
    case 0:
      return mutateBytes(toLine(bytes), dice)
    case 1:
      return toLine(dice.pick(all))
    case 2:
      return toLine(splice(bytes, dice.pick(all), dice))
    case 3:
      return toLine(otherCard(dice))
    default:
      return toLine(mutateBytes(bytes, dice))
  }
}

/** A card with another field, signed by its own key, by a stranger's, or as the old one was. */
function otherCard(dice: Dice): Bytes {
  const card = mutateValue(dice.chance(1, 2) ? fields : drawn, dice)
  const old = dice.pick(cards).slice(-64)
  const hands = [person(7), person(8), null]
  const hand = dice.pick(hands)
  const bytes = written(() => encodeCard(card, (c) => (hand === null ? old : sign(c, hand))))
  return bytes ?? mutateBytes(dice.pick(cards), dice)
}

const joinTexts = [
  formatJoin(network.id),
  formatJoin(network.id, { version: 2, id: idOf(3) }),
  formatJoin(network.id, { version: 9_007_199_254_740_991, id: network.id })
]

function sanityOfJoins(): void {
  for (const text of joinTexts) {
    demand(formatJoin(parseJoin(text).network, parseJoin(text).checkpoint) === text, 'a good join')
  }
}

async function runJoin(dice: Dice, offered: Offered): Promise<Outcome> {
  const text = dice.pick(joinTexts)
  const mutated = dice.chance(1, 4)
    ? splice(fromText(text), fromText(dice.pick(joinTexts)), dice)
    : mutateBytes(fromText(text), dice)
  offered.what = 'a join string'
  offered.bytes = mutated
  const given = toText(mutated)
  return await attempt(
    () => parseJoin(given),
    ({ network: net, checkpoint }) => {
      if (formatJoin(net, checkpoint) !== given.trim()) return 'it was read as another text'
      const version = checkpoint?.version ?? 1
      const isSound = Number.isSafeInteger(version) && version > 0 && !equal(net, alloc(0))
      return isSound ? null : 'a checkpoint without a number'
    }
  )
}
