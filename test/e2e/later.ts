import { readFileSync } from 'node:fs'

/**
 * Put before a program by `--import`: its clock is ahead by what the file that `OTA_TEST_AHEAD`
 * names says, in milliseconds, as it is at each look.
 */
const file = process.env['OTA_TEST_AHEAD'] ?? ''
const now = Date.now.bind(Date)

Date.now = (): number => {
  try {
    return now() + Number(readFileSync(file, 'utf8'))
  } catch {
    return now()
  }
}
