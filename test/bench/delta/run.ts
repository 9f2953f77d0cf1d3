import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Whether a program is installed. */
export function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** A program that ended with another code than 0, and the end of what it said. */
export class Failed extends Error {}

/** Runs a program to its end and gives what it printed; throws `Failed`. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd }: { readonly cwd?: string } = {}
): Promise<string> {
  const child = spawn(program, [...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd })
  })
  let out = ''
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return out
  const lines = said.trim().split('\n')
  const last = lines.find((line) => /error/i.test(line)) ?? lines.at(-1) ?? ''
  throw new Failed(`${program} ended with ${code}: ${last}`)
}
