import type { Command } from '../../frame/index.ts'

/** Commands that need neither daemon nor network; what they need is loaded when they run. */
export const offline: readonly Command[] = [
  {
    name: 'verify',
    usage: `Usage: ota-node verify FILE|DIR [--network JOIN] [--home DIR] [--json]

Judges statements offline, and writes nothing: a statement, a request or answer (.req, .sig), a
card, an invite, a dump of feed blocks (one line each), or a folder of them such as trusted/. The
papers are judged by each other in trust order, whatever their names; by --network JOIN, which
says whose first trust counts; by --home DIR, by what that home believes. Ends with the code of
the first paper that does not hold.

A DIR with ota.json at its top is a version folder: all its files are hashed, and its tree is
looked for among the releases that the home knows.

Example:
    $ ota-node verify r8.req --home /var/lib/upswell
`,
    flags: { network: { type: 'text' } },
    args: { min: 1, max: 1, what: 'a file or a folder' },
    run: async (context) => {
      const { verify } = await import('./verify.ts')
      return await verify(context)
    }
  }
]
