import type { Context, Outcome } from '../../frame/index.ts'
export async function watch(context: Context): Promise<Outcome> {
  return { data: { once: context.flags.has('once') } }
}
