import type { Deed } from './outside.ts'

type Way = Omit<Deed, 'kills'> & { readonly edges: readonly number[] }

/** Ways of real programs, each with the edges it passes. */
export const ways: readonly Way[] = [
  { from: 'good', to: 'better', end: 'better', edges: [1, 2, 3, 4, 6, 7, 13, 14, 15, 16, 17, 18] },
  {
    from: 'stateful1',
    to: 'stateful2',
    end: 'stateful2',
    edges: [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 18]
  },
  { from: 'good', to: 'better', end: 'better', looks: true, edges: [7, 8, 9, 10, 11, 13, 14] },
  { from: 'good', to: 'exiting', end: 'good', varies: true, edges: [7, 13, 14, 15, 30, 31, 33] }
]

/** One death at each edge, and where recovery begins again from `waiting`, one more in it. */
export function deedsOf({ edges, ...way }: Way): readonly Deed[] {
  return edges.flatMap((edge) => {
    const once = { ...way, kills: [`${edge}:1`] }
    const isAgain = edge >= 7 && edge <= 14
    return isAgain ? [once, { ...way, kills: [`${edge}:1`, '0:1'] }] : [once]
  })
}
