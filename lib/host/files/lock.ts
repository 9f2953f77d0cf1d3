import { open } from 'node:fs/promises'
import locks from 'fs-native-extensions'
import { OtaError } from '../../base/index.ts'
import { onDisk } from '../failure.ts'

/**
 * Takes the daemon's exclusive lock of a home. The system frees it when the process ends, however
 * it ends. `LOCKED` if another daemon has it.
 */
export async function takeLock(path: string): Promise<{ close(): Promise<void> }> {
  const file = await onDisk('open', path, async () => await open(path, 'a', 0o600))
  if (locks.tryLock(file.fd)) return file
  await file.close()
  throw new OtaError('LOCKED', `"${path}" is held by another daemon`, {
    hint: 'one home has one daemon; several apps are several homes',
    facts: { path }
  })
}
