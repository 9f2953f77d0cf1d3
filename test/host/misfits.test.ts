import test, { type TestContext } from 'brittle'
import { findJail, noLocalApp, type LocalApp } from '../../lib/host/index.ts'
import type { Reason } from '../../lib/cutover/index.ts'
import { Conductor, releases, type AppName } from './conductor.ts'
import { ask, home, upgraded } from './state-live.ts'

/**
 * Apps that misbehave, each in one way (`fixtures/apps`), beside one that serves: each ends on the
 * version before, for a reason of its own name, on real processes and without a network.
 */
interface Misfit {
  readonly app: AppName
  readonly what: string
  readonly reason: Reason
  /** What it comes after; `good` unless told. */
  readonly after?: AppName
  readonly local?: Partial<LocalApp>
}

const quiet: LocalApp = { ...noLocalApp, shadow: 'off', phoneHome: 'off' }
const jail = (await findJail()).tag === 'jail'

const misfits: readonly Misfit[] = [
  { app: 'crashing', what: 'crashes at once', reason: 'exit' },
  { app: 'exiting', what: 'ends with 0', reason: 'exit' },
  { app: 'sluggish', what: 'is not ready in time', reason: 'start-timeout' },
  { app: 'hanging', what: 'hangs', reason: 'health' },
  { app: 'leaking', what: 'leaks until it is ended at its limit', reason: 'over-limit' },
  { app: 'late', what: 'crashes in the last tenth of its trial', reason: 'crash-loop' }
]

const jailed: readonly Misfit[] = [
  {
    app: 'phoning',
    what: 'phones home',
    reason: 'phone-home',
    local: { shadow: 'require', phoneHome: 'require' }
  },
  { app: 'lossy', what: 'loses a kind of its state', reason: 'kind-lost', after: 'stateful1' }
]

async function misbehaves(t: TestContext, misfit: Misfit): Promise<void> {
  const { app, reason, after = 'good', local = {} } = misfit
  const path = await home(t)
  const conductor = await Conductor.open(path, { local: { ...quiet, ...local } })
  t.teardown(async () => await conductor.close(), { order: 1 })
  t.is(await upgraded(conductor, after), after)
  // A state with something in it to lose.
  if (after === 'stateful1') for (const id of ['ada', 'bob']) await ask(conductor, `/${id}`, id)
  const before = await ask(conductor, '/healthz')
  t.is(await upgraded(conductor, app), after, 'the version before is in charge')
  t.is(await ask(conductor, '/healthz'), before, 'and serves')
  const ended = conductor.reports.at(-1)
  t.is(ended?.release, releases[app])
  t.is(ended?.reason, reason)
  t.is(ended?.why, 'own', 'it counts against the release')
  const { quarantine } = await conductor.until(() => true)
  t.ok(
    quarantine.some((one) => one.active && one.release === releases[app] && one.code === reason),
    'and it is not tried again here'
  )
}

for (const misfit of misfits) {
  test(`S70 a version that ${misfit.what} is taken back`, { timeout: 90_000 }, async (t) => {
    await misbehaves(t, misfit)
  })
}

for (const misfit of jailed) {
  const skip = jail ? undefined : { skip: true }
  test(
    `a version that ${misfit.what} never takes charge`,
    { timeout: 90_000, ...skip },
    async (t) => {
      await misbehaves(t, misfit)
    }
  )
}

test(
  'a version that refuses to end is ended, and another takes its place',
  { timeout: 90_000 },
  async (t) => {
    const conductor = await Conductor.open(await home(t), { local: quiet })
    t.teardown(async () => await conductor.close(), { order: 1 })
    t.is(await upgraded(conductor, 'stubborn'), 'stubborn')
    t.is(await ask(conductor, '/'), 'stubborn')
    t.is(await upgraded(conductor, 'good'), 'good')
    t.is(await ask(conductor, '/'), 'good')
    const { slots } = await conductor.machine.view()
    const left = [slots.a, slots.b].filter((slot) => slot?.release === releases.stubborn)
    t.is(left.length, 0, 'nothing of it is left')
  }
)
