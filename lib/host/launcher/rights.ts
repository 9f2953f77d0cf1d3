import { dropGroup, killGroup, machineOomKills, oomKills, slotGroup } from '../rights/cgroup.ts'
import { dropRights, findMeans, whyNoProgram } from '../rights/drop.ts'
import { noLimits, type Means } from '../rights/limits.ts'
import type { LaunchConfig, SpawnOrder } from './config.ts'
import type { Dressed } from './start.ts'

/** Starts apps with no more rights than they need, and finds what left their process group. */
export class Rights {
  readonly #user: LaunchConfig['user']
  readonly #groups = new Map<string, string>()
  #means: Means | null = null
  #machineKills = 0

  constructor(user: LaunchConfig['user']) {
    this.#user = user
  }

  /** Looks at what this machine offers. */
  async look(): Promise<void> {
    this.#means = await findMeans()
    this.#machineKills = await machineOomKills()
  }

  /** What comes before the program of a slot; an errno where the program is not there. */
  async dress(
    slot: string,
    order: SpawnOrder
  ): Promise<((argv: readonly string[]) => Dressed) | string> {
    const means = this.#means
    if (means === null) throw new Error('rights are looked at first')
    const [program = ''] = order.argv
    const path = order.env['PATH'] ?? ''
    const absent = await whyNoProgram(program, { cwd: order.cwd, path })
    if (absent !== null) return absent
    const limits = order.limits ?? noLimits
    const group = means.cgroup === null ? null : await slotGroup(means.cgroup, slot, limits)
    if (group === null) this.#groups.delete(slot)
    else this.#groups.set(slot, group)
    return (argv) => dropRights(argv, { user: this.#user ?? null, limits, group }, means)
  }

  /** Whether the system ended something of a slot for want of memory, and whose it was. */
  async oom(slot: string, signal: string | null): Promise<'own' | 'machine' | null> {
    const group = this.#groups.get(slot)
    if (group !== undefined && (await oomKills(group)) > 0) return 'own'
    const before = this.#machineKills
    this.#machineKills = await machineOomKills()
    return signal === 'SIGKILL' && this.#machineKills > before ? 'machine' : null
  }

  /** Ends what is still in the control group of a slot. */
  async sweep(slot: string): Promise<void> {
    const group = this.#groups.get(slot)
    if (group === undefined) return
    await killGroup(group)
    if (await dropGroup(group)) this.#groups.delete(slot)
  }
}
