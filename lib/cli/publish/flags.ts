import type { FlagTable } from '../frame/index.ts'

/** Flags of commands that go online. */
export const networkFlags: FlagTable = {
  peers: { type: 'list' },
  bootstrap: { type: 'text' },
  host: { type: 'text' },
  port: { type: 'text' }
}

/** Flags of commands by which one key acts alone. */
const aloneFlags: FlagTable = {
  key: { type: 'text' },
  'passphrase-fd': { type: 'text' },
  'sign-with': { type: 'text' },
  alone: { type: 'switch' },
  reach: { type: 'text' },
  ...networkFlags
}

export const brakeFlags: FlagTable = {
  reason: { type: 'text' },
  for: { type: 'text' },
  ...aloneFlags
}

/** Of `pack`, where it bundles a source. */
export const sourceFlags: FlagTable = {
  source: { type: 'text' },
  git: { type: 'text' },
  tag: { type: 'text' },
  into: { type: 'text' }
}

export const attestFlags: FlagTable = {
  build: { type: 'text' },
  recipe: { type: 'switch' },
  platform: { type: 'text' },
  dispute: { type: 'switch' },
  ...aloneFlags
}

export const revokeFlags: FlagTable = {
  key: { type: 'text' },
  'passphrase-fd': { type: 'text' },
  'sign-with': { type: 'text' },
  seeds: { type: 'text' },
  alone: { type: 'switch' },
  ...networkFlags
}

export const beaconFlags: FlagTable = {
  key: { type: 'text' },
  every: { type: 'text' },
  'passphrase-fd': { type: 'text' },
  'sign-with': { type: 'text' },
  ...networkFlags
}

export const reviewFlags: FlagTable = { build: { type: 'list' }, platform: { type: 'text' } }

export const signFlags: FlagTable = {
  key: { type: 'text' },
  append: { type: 'switch' },
  'passphrase-fd': { type: 'text' },
  'sign-with': { type: 'text' },
  output: { type: 'text', short: 'o' },
  ...reviewFlags
}

/** A halt turns into a signature, so it takes what `sign` takes. */
export const watchFlags: FlagTable = { once: { type: 'switch' }, ...signFlags, ...networkFlags }

export const commitFlags: FlagTable = {
  seeds: { type: 'text' },
  alone: { type: 'switch' },
  drop: { type: 'list' },
  ...networkFlags
}

export const exportFlags: FlagTable = {
  output: { type: 'text', short: 'o' },
  mirror: { type: 'text' }
}

export const rehearseFlags: FlagTable = {
  nodes: { type: 'text' },
  plan: { type: 'text' },
  base: { type: 'text' },
  effect: { type: 'text' },
  partition: { type: 'text' },
  offline: { type: 'text' },
  liars: { type: 'text' },
  runs: { type: 'text' },
  seed: { type: 'text' },
  html: { type: 'text' }
}
