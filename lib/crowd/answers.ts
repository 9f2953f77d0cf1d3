import type { Offer } from './ports.ts'

/** Clocks of others may run ahead or behind by this much, in ms. */
export const skewMs = 300_000

export const ignored: Offer = { answer: 'ignored', id: null, spread: 'none', ref: null }
export const rejected: Offer = { answer: 'rejected', id: null, spread: 'none', ref: null }
export const duplicate: Offer = { answer: 'duplicate', id: null, spread: 'none', ref: null }
