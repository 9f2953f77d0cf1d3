import { readFileSync } from 'node:fs'

export interface JsonGolden {
  readonly name: string
  readonly hex: string
  readonly record?: string
  readonly code?: string
}

/** The committed bytes of records, as the programs of other people would read them. */
export function readJsonGoldens(file: 'statements' | 'refused'): readonly JsonGolden[] {
  // Cast: our own file.
  return JSON.parse(readFileSync(`fixtures/records/${file}.json`, 'utf8')) as readonly JsonGolden[]
}
