import { readdirSync, readFileSync } from 'node:fs'
import test from 'brittle'
import { checkHouse, sharedDoors, type Files } from './tools/house.ts'
import { importsOf, strip } from './tools/scan.ts'
import { limits, rooms } from './tools/rooms.ts'

/** What the house holds at least: below this the guard looked at the wrong place. */
const least = { rooms: 15, files: 300, imports: 1_500 }

function readTree(): Files {
  const files = new Map<string, string>()
  for (const top of ['lib', 'bin', 'test']) {
    for (const name of readdirSync(top, { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith('.ts')) files.set(`${top}/${name}`, readFileSync(`${top}/${name}`, 'utf8'))
    }
  }
  return files
}

test('every file keeps to the plan of the house', (t) => {
  const found = checkHouse(readTree())
  t.comment(`checked ${found.rooms} rooms, ${found.files} files, ${found.imports} imports`)
  for (const fault of found.faults) t.comment(fault)
  t.is(found.faults.length, 0, 'no faults')
  t.ok(found.rooms >= least.rooms, `${found.rooms} rooms, at least ${least.rooms}`)
  t.ok(found.files >= least.files, `${found.files} files, at least ${least.files}`)
  t.ok(found.imports >= least.imports, `${found.imports} imports, at least ${least.imports}`)
})

test('a package enters through one room, and every dependency has a door', (t) => {
  t.alike(sharedDoors(), [], 'no package with two doors')
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  const doors = new Set(Object.values(rooms).flatMap((room) => room.doors ?? []))
  const names = Object.keys(manifest.dependencies)
  t.alike(
    names.filter((name) => !doors.has(name)),
    [],
    'no dependency without a door'
  )
  t.comment(`checked ${names.length} dependencies`)
  t.ok(names.length >= 10, 'the dependencies were read')
})

/** A small sound house; each planted fault changes or adds one file of it. */
const opening =
  '/** This room knows what it was given, keeps it in good order, and hands it on when it is' +
  '\n * asked; it does not know of anything else. */\n'
const sound: Readonly<Record<string, string>> = {
  'lib/base/index.ts': opening + "export { one } from './one.ts'\n",
  'lib/base/one.ts': '/** One. */\nexport const one = 1\n',
  'lib/base/life.ts': "import ReadyResource from 'ready-resource'\nexport { ReadyResource }\n",
  'lib/records/index.ts': opening + "import { one } from '../base/index.ts'\nexport { one }\n",
  'lib/trust/index.ts': opening + "import sodium from 'sodium-native'\nexport { sodium }\n",
  'lib/host/index.ts': opening + "export { Life } from '../base/life.ts'\n",
  'lib/host/launcher/main.ts': "import { on } from '../../cutover/keepalive.ts'\non()\n",
  'lib/cutover/index.ts': opening + "export { on } from './keepalive.ts'\n",
  'lib/cutover/keepalive.ts': '/** Keeps alive. */\nexport function on(): void {}\n',
  'lib/node/index.ts':
    opening + "import type { Life } from '../host/index.ts'\nexport type { Life }\n",
  'lib/index.ts': "/** All of it. */\nexport { one } from './base/index.ts'\n",
  'bin/ota-node.ts': "import '../lib/cli/index.ts'\n",
  'test/base/one.test.ts': "import test from 'brittle'\ntest('one', () => Date.now())\n"
}

interface Planted {
  readonly name: string
  readonly path: string
  readonly source: string
  /** A part of what the guard says about it. */
  readonly says: string
}

const lines = (count: number): string => '/** Long. */\n' + 'export {}\n'.repeat(count - 1)
const planted: readonly Planted[] = [
  {
    name: 'an arrow that points up',
    path: 'lib/records/up.ts',
    source: "import { sodium } from '../trust/index.ts'\nexport { sodium }\n",
    says: 'the arrow does not point down'
  },
  {
    name: 'a sibling imported sideways',
    path: 'lib/cutover/side.ts',
    source: "export * from '../rollout/index.ts'\n",
    says: 'the arrow does not point down'
  },
  {
    name: 'a file of another room instead of its index',
    path: 'lib/records/deep.ts',
    source: "import { one } from '../base/one.ts'\nexport { one }\n",
    says: 'only index.ts of another room'
  },
  {
    name: 'a package through the wrong door',
    path: 'lib/records/door.ts',
    source: "import sodium from 'sodium-native'\nexport { sodium }\n",
    says: 'no door for it in this room'
  },
  {
    name: 'a disk in a pure room',
    path: 'lib/trust/disk.ts',
    source: "import { readFileSync } from 'node:fs'\nexport { readFileSync }\n",
    says: 'no door for it in this room'
  },
  {
    name: 'a disk in a pure room, loaded late',
    path: 'lib/trust/late.ts',
    source: "/** Late. */\nexport const fs = import('node:fs')\n",
    says: 'no door for it in this room'
  },
  {
    name: 'a clock in a pure room',
    path: 'lib/trust/clock.ts',
    source: '/** Now. */\nexport const now = `${Date.now()}`\n',
    says: 'Date in a pure room'
  },
  {
    name: 'a wire in a pure room',
    path: 'lib/trust/wire.ts',
    source: '/** Wire. */\nexport const page = await fetch(one)\n',
    says: 'fetch( in a pure room'
  },
  {
    name: 'dice in a pure room',
    path: 'lib/cutover/dice.ts',
    source: '/** Dice. */\nexport const dice = Math.random()\n',
    says: 'Math.random in a pure room'
  },
  {
    name: 'an inexact logarithm in a pure room',
    path: 'lib/rollout/log.ts',
    source: '/** Log. */\nexport const lg = Math.log2(3)\n',
    says: 'Math.log2 in a pure room'
  },
  {
    name: 'a timer in the conductor',
    path: 'lib/node/timer.ts',
    source: '/** Later. */\nexport const timer = setTimeout(() => 1, 1)\n',
    says: 'setTimeout in a pure room'
  },
  {
    name: 'floor 5 in the conductor, as a value',
    path: 'lib/node/hands.ts',
    source: "import { Life } from '../host/index.ts'\nexport { Life }\n",
    says: 'by import type only'
  },
  {
    name: 'a life on a pure floor',
    path: 'lib/records/life.ts',
    source: "import { ReadyResource } from '../base/life.ts'\nexport { ReadyResource }\n",
    says: 'only floors 5 to 7 live'
  },
  {
    name: 'a second door of ready-resource in base',
    path: 'lib/base/second.ts',
    source: "import ReadyResource from 'ready-resource'\nexport { ReadyResource }\n",
    says: 'only life.ts is its door'
  },
  {
    name: 'a launcher that loads the artifact room',
    path: 'lib/host/launcher/fat.ts',
    source: "import { tree } from '../../artifact/index.ts'\nexport { tree }\n",
    says: 'not for the launcher'
  },
  {
    name: 'a circle of imports',
    path: 'lib/base/one.ts',
    source: "import { one } from './index.ts'\nexport { one }\n",
    says: 'a circle of imports'
  },
  {
    name: 'a room that is not in the plan',
    path: 'lib/attic/index.ts',
    source: opening + 'export {}\n',
    says: 'no such room in the plan'
  },
  {
    name: 'a room without an opening paragraph',
    path: 'lib/trust/index.ts',
    source: '/** Trust. */\nexport {}\n',
    says: 'does not open with one paragraph'
  },
  { name: 'a room without index.ts', path: 'lib/sim/w.ts', source: lines(1), says: 'no index.ts' },
  { name: 'a long file', path: 'lib/base/long.ts', source: lines(401), says: '401 lines' },
  { name: 'a long test', path: 'test/long.test.ts', source: lines(601), says: '601 lines' },
  { name: 'a long program', path: 'bin/long.ts', source: lines(21), says: '21 lines' },
  {
    name: 'a wide line',
    path: 'lib/base/wide.ts',
    source: `/** ${'wide '.repeat(20)}*/\n`,
    says: 'columns'
  },
  {
    name: 'a file that does not say what it is',
    path: 'lib/base/mute.ts',
    source: 'export const mute = 1\n',
    says: 'begins with neither an import nor a comment'
  },
  {
    name: 'a file that says it is unfinished',
    path: 'lib/base/half.ts',
    source: `/** ${['TO', 'DO'].join('')} the rest. */\n`,
    says: 'says that it is unfinished'
  },
  {
    name: 'a program that reaches past cli',
    path: 'bin/reach.ts',
    source: "import { one } from '../lib/base/index.ts'\none()\n",
    says: 'only cli'
  },
  {
    name: 'an inner room in the public surface',
    path: 'lib/index.ts',
    source: "/** All. */\nexport { sodium } from './trust/index.ts'\n",
    says: 'not part of the surface'
  }
]

test('a sound house has no faults', (t) => {
  const found = checkHouse(new Map(Object.entries(sound)))
  t.alike(found.faults, [])
  t.is(found.rooms, 6)
  t.is(found.imports, 11)
})

test('each planted fault is caught, and nothing else is blamed', (t) => {
  for (const fault of planted) {
    const files = new Map(Object.entries({ ...sound, [fault.path]: fault.source }))
    const { faults } = checkHouse(files)
    t.ok(
      faults.some((said) => said.includes(fault.says)),
      fault.name
    )
    t.ok(faults.length <= 2, `${fault.name}: blamed ${faults.length} times`)
  }
  const crowded = { ...sound }
  for (let i = 0; i < limits.folderFiles; i++)
    crowded[`lib/base/f${i}.ts`] = '/** F. */\nexport {}\n'
  const { faults } = checkHouse(new Map(Object.entries(crowded)))
  t.alike(
    faults,
    [`lib/base: ${limits.folderFiles + 2} files, at most ${limits.folderFiles}`],
    'a crowded folder'
  )
  t.comment(`planted ${planted.length + 1} faults`)
})

test('comments, strings and patterns are not code', (t) => {
  const source = "const a = 'Date' // Date\n/* Date */ const b = /[/'\"]Date/ ; `Date ${c('}')}`"
  t.is(strip(source, 'comments and strings').includes('Date'), false)
  t.ok(strip('`${`${Date.now()}`}`', 'comments and strings').includes('Date'), 'nested code is')
  t.alike(
    importsOf("// import 'a'\nimport 'b'\nimport type {\n  C\n} from 'c'\nexport * from 'd'"),
    [
      { from: 'b', type: false },
      { from: 'c', type: true },
      { from: 'd', type: false }
    ]
  )
})
