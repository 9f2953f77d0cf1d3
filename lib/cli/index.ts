/**
 * The two programs: flags, configuration, tables, hints and exit numbers, and the only place where
 * real things are made and handed over. What a command does is said in other rooms. Each program is
 * loaded when it is called, so that one does not pay for the other.
 */

/** Runs `ota-publish` on this process and ends it with the command's number. */
export async function otaPublish(): Promise<void> {
  const { publishMain } = await import('./publish/main.ts')
  await publishMain()
}

/** Runs `ota-node` on this process and ends it with the command's number. */
export async function otaNode(): Promise<void> {
  const { nodeMain } = await import('./node/main.ts')
  await nodeMain()
}
