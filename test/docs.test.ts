import { existsSync, readdirSync, readFileSync } from 'node:fs'
import test from 'brittle'
import { attacksPage, rowsOf, shownBy, typescript } from './tools/scenarios.ts'

/** Scenarios there are; fewer rows mean that the page was not read. */
const scenarios = 115

// When this fails after a change of tests: node dist/test/tools/attacks.js
test('the page of attacks names the test files that show each scenario, and no other', (t) => {
  const page = rowsOf(readFileSync(attacksPage, 'utf8'))
  const tests = shownBy()
  t.is(page.size, scenarios, 'every scenario has a row')
  for (const [number, files] of page) {
    t.alike(files.toSorted(), tests.get(number) ?? [], `S${number}`)
  }
  const strange = [...tests.keys()].filter((number) => !page.has(number))
  t.alike(strange, [], 'no test shows a scenario without a row')
  t.comment(`checked ${page.size} scenarios, ${tests.size} of them shown by tests`)
})

/** Whether a scenario, a page, or a numbered section of a page is there. */
function isThere(match: RegExpMatchArray, page: ReadonlyMap<number, readonly string[]>): boolean {
  const [, scenario, path = '', section] = match
  if (scenario !== undefined) return page.has(Number(scenario))
  if (!existsSync(path)) return false
  return section === undefined || readFileSync(path, 'utf8').includes(`\n## ${section}. `)
}

test('what a comment of the code cites is there', (t) => {
  const page = rowsOf(readFileSync(attacksPage, 'utf8'))
  const citation = /\bS(\d+)\b|\b(docs\/[\w.-]+\.md)\b(?:,? (?:§ ?)?(\d+))?/g
  let cited = 0
  for (const path of typescript('lib')) {
    for (const match of readFileSync(path, 'utf8').matchAll(citation)) {
      cited += 1
      if (!isThere(match, page)) t.fail(`${path} cites ${match[0]}`)
    }
  }
  t.comment(`checked ${cited} citations`)
  t.ok(cited >= 20, `${cited} citations, at least 20`)
})

test('the reading order of the sources names files that are there', (t) => {
  let names = 0
  for (const row of readFileSync('lib/README.md', 'utf8').matchAll(/^\| (`[^|]+?) *\|/gm)) {
    let folder = ''
    for (const [, name = ''] of (row[1] ?? '').matchAll(/`([^`]+)`/g)) {
      names += 1
      const path = existsSync(`lib/${name}`) ? name : folder + name
      if (!existsSync(`lib/${path}`)) t.fail(`lib/README.md names ${name}`)
      folder = path.slice(0, path.lastIndexOf('/') + 1)
    }
  }
  t.comment(`checked ${names} names`)
  t.ok(names >= 40, `${names} names, at least 40`)
})

test('a link between the pages leads somewhere', (t) => {
  const pages = ['README.md', 'SECURITY.md', 'lib/README.md', 'CHANGELOG.md']
  for (const name of readdirSync('docs')) pages.push(`docs/${name}`)
  let links = 0
  for (const page of pages) {
    const folder = page.includes('/') ? page.slice(0, page.lastIndexOf('/') + 1) : ''
    for (const match of readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      links += 1
      if (!existsSync(folder + match[1])) t.fail(`${page} links to ${match[1]}`)
    }
  }
  t.comment(`checked ${links} links on ${pages.length} pages`)
  t.ok(links >= 10, `${links} links, at least 10`)
})
