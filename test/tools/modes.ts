import { existsSync } from 'node:fs'
import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Makes the compiled programs executable: the compiler does not, and npm only when it packs. */
const programs = join(import.meta.dirname, '..', '..', 'bin')

const names = existsSync(programs) ? await readdir(programs) : []
for (const name of names) {
  if (name.endsWith('.js')) await chmod(join(programs, name), 0o755)
}
