import { runMain } from '../frame/index.ts'
import { publishProgram } from './table.ts'

/** `ota-publish` on this process. */
export async function publishMain(): Promise<void> {
  await runMain(publishProgram())
}
