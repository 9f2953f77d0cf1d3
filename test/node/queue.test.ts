// The one loop of a node: deeds in order, one at a time, and none after one that failed.
import test from 'brittle'
import { OtaError } from '../../lib/base/index.ts'
import { Queue } from '../../lib/node/queue.ts'

/** A deed that goes on when it is told to. */
function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = noop
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

function noop(): void {}

function never(error: unknown): void {
  throw error
}

test('deeds run one at a time in the order asked for, however long each takes', async (t) => {
  const queue = new Queue(never)
  const first = gate()
  const done: string[] = []
  queue.push(async () => {
    await first.opened
    done.push('a')
  })
  queue.push(async () => void done.push('b'))
  const last = queue.add(async () => {
    done.push('c')
    return done.length
  })
  t.alike(done, [], 'nobody passes the first')
  first.open()
  t.is(await last, 3)
  t.alike(done, ['a', 'b', 'c'])
})

test('what a deed throws reaches `failed` once, and nothing follows it', async (t) => {
  const failures: unknown[] = []
  const queue = new Queue((error) => failures.push(error))
  const done: string[] = []
  const full = new OtaError('NO_SPACE', 'the journal cannot be written')
  queue.push(async () => {
    throw full
  })
  queue.push(async () => void done.push('next'))
  await t.exception(
    queue.add(async () => void done.push('asked')),
    /the journal cannot be written/
  )
  t.alike(done, [], 'a step that could not be journaled is not followed by another')
  t.alike(failures, [full])
  await queue.close()
})

test('who asked for a deed hears why it failed, and so does the process', async (t) => {
  const failures: unknown[] = []
  const queue = new Queue((error) => failures.push(error))
  const broken = queue.add(async () => {
    throw new OtaError('NO_SPACE', 'full')
  })
  await t.exception(broken, /full/)
  t.is(failures.length, 1)
})

test('closed, a queue ends what is under way and takes nothing new', async (t) => {
  const queue = new Queue(never)
  const first = gate()
  const done: string[] = []
  queue.push(async () => {
    await first.opened
    queue.push(async () => void done.push('too late'))
    done.push('ended')
  })
  const closed = queue.close()
  queue.push(async () => void done.push('late'))
  first.open()
  await closed
  t.alike(done, ['ended'])
})

test('a failure after closing is no failure of the node', async (t) => {
  const failures: unknown[] = []
  const queue = new Queue((error) => failures.push(error))
  queue.push(async () => {
    throw new Error('the machine is gone')
  })
  await queue.close()
  t.alike(failures, [])
})
