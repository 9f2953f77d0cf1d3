/** What `ota-publish help` prints; every command below has a page of its own. */
export const overview = `Usage:
    ota-publish keys new --label L | list | import FILE | export --label L [-o FILE]
    ota-publish init --name NAME --card CARD... [--root K] [--release K] [--brake K]
                     [--draw CARD]... (--enroller CARD... [--access members] | --open)
                     [--expires 365d] [--allow-split] [-o REQ]
    ota-publish init --name NAME --solo       one person: one key in every role, signed at once
    ota-publish join [JOIN]                   follow a network; without JOIN: print the join string
    ota-publish trust show | propose [--add ROLE=CARD]... [--drop ROLE=LABEL]... [--need ROLE=K]...
                     [--feed KEY]... [--raise-epoch] [--expires D] [--allow-split] [-o REQ]
    ota-publish invite [--slots 1] [--label K=V]... [--until D] [-o FILE]
    ota-publish pack DIR [--platform P] [-o PACK]
    ota-publish propose PACK... --channel C --kind params|code|stateful
                     [--plan standard|short|small|urgent|FILE] [--nodes N] [--label VERSION]
                     [--supersedes RELEASE | --fixes RELEASE] [--floor RELEASE|self]
                     [--draw LABEL,...] [--notes FILE] [-o REQ]
    ota-publish review REQ [--build DIR]
    ota-publish sign REQ|ID [--key LABEL] [--build DIR] [--append] [-o SIG]
    ota-publish verify REQ [SIG]...
    ota-publish commit REQ|ID [SIG]... [--seeds 2 | --alone] [--drop RELEASE]...
    ota-publish rehearse [--plan PRESET|FILE] [--nodes N] [--base 1%] [--effect crash=5x|none]
                     [--runs R] [--seed N]    what a plan would do, on a simulated fleet
    ota-publish watch [RELEASE] [--once]      where the rollout is (rollout status = watch --once)
    ota-publish pause RELEASE | abort RELEASE [--floor RELEASE] | resume RELEASE [--lift ID]...
                     each with [--reason TEXT] [-o REQ]
    ota-publish seed [RELEASE]...             ota-publish log | show ID | version
REQ is a request file with the exact bytes to sign, SIG one signer's answer; both may be "-".
init, trust propose, propose, pause, resume and abort write a REQ: review, sign, commit follow.
Common flags: --json --long -q -v --no-progress -y --dry-run --timeout D --config FILE --home DIR
Example:
    $ ota-publish pack ./build -o app.pack &&
      ota-publish propose app.pack --channel stable --kind code -o r8.req
    $ ota-publish review r8.req && ota-publish sign r8.req -o r8.a.sig
`

const network = `
  --peers HOST:PORT#KEY,...  dialled always
  --bootstrap HOST:PORT,...  instead of the public DHT; none: peers only
  --host ADDRESS --port N    where to listen; a fixed port keeps its key`

const secret = `
  --passphrase-fd N          read the pass phrase from a descriptor: --passphrase-fd 3 3<FILE`

/** One page per command, by its name. */
export const pages: Readonly<Record<string, string>> = {
  'keys new': `Usage: ota-publish keys new --label L [-o CARD]

Makes a signing key under a pass phrase and a feed of its own, and writes the card to pass on.
The feed's key is a mailbox key without authority; it lies unencrypted in the home, 0600.
  --label L                  1 to 32 of a-z 0-9 . -
  -o, --output CARD          default L.card${secret}

Example:
    $ ota-publish keys new --label signer-a
`,
  'keys list': `Usage: ota-publish keys list

Example:
    $ ota-publish keys list --long
`,
  'keys export': `Usage: ota-publish keys export --label L [-o FILE]

Writes the key file, still encrypted, to carry to another machine. Its feed stays here.

Example:
    $ ota-publish keys export --label signer-a -o signer-a.key
`,
  'keys import': `Usage: ota-publish keys import FILE

Takes a key file that "keys export" wrote.

Example:
    $ ota-publish keys import signer-a.key
`,
  init: `Usage: ota-publish init --name NAME --card CARD... (--enroller CARD... | --open) [-o REQ]
       ota-publish init --name NAME --solo [--open] [--key LABEL]

Begins a network: trust 1 as a request that every key in it must sign.
  --card CARD                a signer, in roles root, release and brake; repeat it
  --root K --release K --brake K   how many must sign; default a majority, brake 1
  --enroller CARD            who may invite nodes; --open: anyone may join
  --draw CARD                who may draw the order of a release
  --access any|members       whom nodes talk to; default any
  --expires D                default 365d
  --allow-split              thresholds that two groups without a common signer can meet
  --solo                     one key in every role: made if there is none, signed and committed
  -o, --output REQ           default t1.req${secret} (--solo)

Example:
    $ ota-publish init --name demo --card a.card --card b.card --card c.card --enroller a.card
`,
  join: `Usage: ota-publish join [JOIN]

Follows a network from this home: keeps the join string and asks peers for the trust, 10 s or
--timeout. Without JOIN: prints the newest join string with its checkpoint.${network}

Example:
    $ ota-publish join
`,
  'trust show': `Usage: ota-publish trust show

Example:
    $ ota-publish trust show
`,
  'trust propose': `Usage: ota-publish trust propose [--add ROLE=CARD]... [--drop ROLE=LABEL]...

The next trust as a request; the root keys of both trusts sign it.
Roles: root release brake beacon draw build enrol.
  --need ROLE=K              a new threshold
  --feed KEY                 the feeds from now on, all of them
  --raise-epoch              undo a fast-forward of numbers by stolen keys
  --expires D                default 365d
  --allow-split              thresholds that two groups without a common signer can meet
  -o, --output REQ           default tN.req

Example:
    $ ota-publish trust propose --drop release=signer-c --add release=signer-d.card
`,
  invite: `Usage: ota-publish invite [--slots N] [--label K=V]... [--until D] [-o FILE]

Writes an invite for N nodes, signed by a key of role enrol. The file is a secret.
  --until D                  no certificates from it after D
  --key LABEL                which key signs
  -o, --output FILE          default NAME.invite${secret}

Example:
    $ ota-publish invite --slots 20 --label operator=demo -o demo.invite
`,
  pack: `Usage: ota-publish pack DIR [--platform P] [-o PACK]

Reads DIR as it will be released: checks it and its ota.json, prints tree digest and core key.
DIR must stay as it is until it is committed.
  --platform P               default this machine's, as linux-x64
  -o, --output PACK          default NAME-PLATFORM.pack

Example:
    $ ota-publish pack ./build -o app.pack
`,
  propose: `Usage: ota-publish propose PACK... --channel C --kind params|code|stateful [-o REQ]

A release as a request: the plan compiled, the next number of its channel taken.
  --plan P                   standard, short, small, urgent, or a policy FILE (JSON or TOML)
  --nodes N                  size of the fleet; default what the last command online counted
  --label VERSION            default the version in ota.json
  --notes FILE               release notes, at most 1 KiB
  --supersedes RELEASE       ends that rollout where it is
  --fixes RELEASE            ends it and moves its nodes first
  --floor RELEASE|self       no node goes below it
  --draw LABEL,...           whose one-time values draw the order
  -o, --output REQ           default C-SEQ.req

Example:
    $ ota-publish propose app.pack --channel stable --kind code --notes NOTES.md -o r1.req
`,
  review: `Usage: ota-publish review REQ|ID [--build DIR] [--platform P]

Everything a request says, decoded from the bytes that will be signed.
  --build DIR                your own build: its digest and core key must be the release's
  --platform P               which platform DIR is, if the release has several

Example:
    $ ota-publish review r1.req --build ./my-build
`,
  sign: `Usage: ota-publish sign REQ|ID [--key LABEL] [--build DIR] [-o SIG]

Shows the review, asks, and writes one answer per key of yours that has a part in it.
  --build DIR                refuse unless your own build gives the same tree
  --platform P               which platform DIR is, if the release has several
  --append                   put it on your own feed too
  -o, --output SIG           default REQ.LABEL.sig${secret}

Example:
    $ ota-publish sign r1.req --build ./my-build -o r1.b.sig
`,
  verify: `Usage: ota-publish verify REQ|ID [SIG]...

Who signed and who is missing; exit 10 while it is not enough.

Example:
    $ ota-publish verify r1.req r1.a.sig r1.b.sig
`,
  commit: `Usage: ota-publish commit REQ|ID [SIG]... [--seeds N | --alone]

Counts, judges as a node will, builds the tree cores, appends to every live feed of this home,
and ends when N other peers (default 2) hold it all.
  --alone                    do not wait for others: for the first release
  --drop RELEASE             a release that a new trust may leave without quorum
  --timeout D                default 10m${network}

Example:
    $ ota-publish commit r1.req r1.a.sig r1.b.sig --alone
`,
  rehearse: `Usage: ota-publish rehearse [--plan PRESET|FILE] [--nodes N] [--effect E] [--runs R]

Plays a rollout on a simulated fleet that decides as real nodes do. Nothing is signed or sent; the
same seed gives the same story.
  --plan P                   standard, short, small, urgent, or a policy FILE; default by size
  --nodes N                  1 to 100000, default 10000
  --base SHARE               reports that fail though nothing is wrong, old version and new; 1%
  --effect none|crash=5x     the new version fails so many times as often; default none
  --runs R                   1 to 10000 plays with seeds N, N+1, ...; default 1
  --seed N                   a whole number from 0; default 1

Example:
    $ ota-publish rehearse --nodes 10000 --effect crash=5x --seed 1
`,
  seed: `Usage: ota-publish seed [RELEASE]...

Serves statements and tree cores until it is stopped; default the last ten releases.${network}

Example:
    $ ota-publish seed
`,
  watch: `Usage: ota-publish watch [RELEASE] [--once]

Where the rollout of each channel is, as this read-only peer sees it.
  --once                     one look, after peers were heard${network}

Example:
    $ ota-publish watch --once
`,
  pause: `Usage: ota-publish pause RELEASE [--reason TEXT] [-o REQ]

Nobody starts it while this stands; a resume lifts it.

Example:
    $ ota-publish pause cque4cxk --reason "looking into it" -o pause.req
`,
  abort: `Usage: ota-publish abort RELEASE [--floor RELEASE|self] [--reason TEXT] [-o REQ]

Ends a rollout for good; nodes take it back, spread over ten minutes.

Example:
    $ ota-publish abort cque4cxk --reason "loses data" -o abort.req
`,
  resume: `Usage: ota-publish resume RELEASE [--lift ID]... [--exclude KEY]... [-o REQ]

Lifts what stands against a release, or goes on after a halt.
  --lift ID                  what to lift; default: asks for each
  --exclude KEY              a reporting key that no longer counts
  --reason TEXT              for people

Example:
    $ ota-publish resume cque4cxk --lift 8yqe3w5n -o resume.req
`,
  log: `Usage: ota-publish log

Every statement this home holds, oldest first.

Example:
    $ ota-publish log
`,
  show: `Usage: ota-publish show ID

One statement and who signed it.

Example:
    $ ota-publish show cque4cxk
`,
  version: `Usage: ota-publish version

Example:
    $ ota-publish version
`
}
