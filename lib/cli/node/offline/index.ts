import type { Command } from '../../frame/index.ts'

/** Commands that do without network, and without daemon; what they need is loaded late. */
export const offline: readonly Command[] = [
  {
    name: 'verify',
    usage: `Usage: ota-node verify FILE|DIR [--network JOIN] [--home DIR] [--json]

Judges statements offline, and writes nothing: a statement, a request or answer (.req, .sig), a
card, an invite, a bundle, a dump of feed blocks (one line each), or a folder of them such as
trusted/. Of a bundle every core is hashed too; nothing is taken from it: that is import. The
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
  },
  {
    name: 'trust',
    usage: `Usage: ota-node trust [--home DIR] [--json]

What this node believes, as JSON: network, checkpoint, trust with its roles, the chain, releases by
channel with who signed them, controls, floors, eras, revokes, what is pending, feeds, freshness,
brakes and attestations. Asks the daemon; without one it reads the plain files of the home.

Example:
    $ ota-node trust --home /var/lib/upswell
`,
    flags: {},
    args: { min: 0, max: 0, what: 'nothing' },
    run: async (context) => {
      const { trust } = await import('../dump/trust.ts')
      return await trust(context)
    }
  }
]
