import type { FlagTable } from '../frame/index.ts'

/** Flags of commands that go online. */
export const networkFlags: FlagTable = {
  peers: { type: 'list' },
  bootstrap: { type: 'text' },
  host: { type: 'text' },
  port: { type: 'text' }
}

export const watchFlags: FlagTable = { once: { type: 'switch' }, ...networkFlags }

export const reviewFlags: FlagTable = { build: { type: 'text' }, platform: { type: 'text' } }

export const signFlags: FlagTable = {
  key: { type: 'text' },
  append: { type: 'switch' },
  'passphrase-fd': { type: 'text' },
  output: { type: 'text', short: 'o' },
  ...reviewFlags
}

export const commitFlags: FlagTable = {
  seeds: { type: 'text' },
  alone: { type: 'switch' },
  drop: { type: 'list' },
  ...networkFlags
}

export const rehearseFlags: FlagTable = {
  nodes: { type: 'text' },
  plan: { type: 'text' },
  base: { type: 'text' },
  effect: { type: 'text' },
  runs: { type: 'text' },
  seed: { type: 'text' }
}
