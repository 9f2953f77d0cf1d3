import { readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { attacksPage, withTests } from './scenarios.ts'

/** Names in docs/attacks.md the test files that show each scenario now; run after adding a test. */
const page = withTests(readFileSync(attacksPage, 'utf8'))
const config = await resolveConfig(attacksPage)
writeFileSync(attacksPage, await format(page, { ...config, filepath: attacksPage }))
