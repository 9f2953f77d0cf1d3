import { runMain } from '../frame/index.ts'
import { nodeProgram } from './table.ts'

/** Draining connections may take its time; an app is not cut short by its own launcher. */
const graceMs = 60_000

/** `ota-node` on this process. */
export async function nodeMain(): Promise<void> {
  await runMain(nodeProgram(), { graceMs })
}
