import { ceremonyPages, network, secret } from './pages.ts'

/** What `ota-publish help` prints; every command below has a page of its own. */
export const overview = `Usage:
    ota-publish keys new --label L [--sign-with CMD|ssh-agent --public KEY] | list
                     | import FILE | export --label L [-o FILE]
    ota-publish init --name NAME --card CARD... [--root K] [--release K] [--brake K]
                     [--beacon CARD]... [--draw CARD]... [--builder ORG=CARD]... [--attest N]
                     (--enroller CARD... [--access members] | --open) [--expires 365d]
                     [--allow-split] [-o REQ]
    ota-publish init --name NAME --solo       one person: one key in every role, signed at once
    ota-publish join [JOIN]                   follow a network; without JOIN: print the join string
    ota-publish trust show | propose [--add ROLE=CARD]... [--drop ROLE=LABEL]... [--need ROLE=K]...
                     [--feed KEY]... [--raise-epoch] [--expires D] [--allow-split] [-o REQ]
                     | rotate --drop LABEL --add CARD | revoke LABEL... | sign | commit
    ota-publish invite [--slots 1] [--label K=V]... [--until D] [-o FILE]
    ota-publish revoke INVITE[:SLOT]...       an invite ends, or one of its slots
    ota-publish pack DIR [--platform P] [--patch-from RELEASE]... [--patch-memory SIZE] [-o PACK]
    ota-publish pack --git REPO [--tag T] | --source DIR [--into DIR] [-o SOURCE]
    ota-publish propose PACK... [SOURCE] --channel C --kind params|code|stateful
                     [--plan standard|short|small|urgent|FILE] [--nodes N] [--label VERSION]
                     [--supersedes RELEASE | --fixes RELEASE] [--floor RELEASE|self]
                     [--draw LABEL,...] [--notes FILE] [--seq N] [-o REQ]
    ota-publish review REQ [--build DIR]
    ota-publish sign REQ|ID [--key LABEL] [--sign-with CMD|ssh-agent] [--build DIR] [--append]
                     [-o SIG]
    ota-publish verify REQ [SIG]...
    ota-publish commit REQ|ID [SIG]... [--seeds 2 | --alone] [--drop RELEASE]...
    ota-publish rehearse [--plan PRESET|FILE] [--nodes N] [--base 1%] [--effect E]
                     [--partition P] [--offline SHARE] [--liars L] [--runs R] [--seed N]
                     [--html FILE]            what a plan would do, on a simulated fleet
    ota-publish watch [RELEASE] [--once]      where the rollout is (rollout status = watch --once)
    ota-publish pause RELEASE | abort RELEASE [--floor RELEASE] | resume RELEASE [--lift ID]...
                     | widen RELEASE --to STAGE, each with [--reason TEXT] [-o REQ]
    ota-publish brake RELEASE --reason TEXT [--for 24h] [--key LABEL]
    ota-publish attest RELEASE (--build DIR | --recipe) [--dispute] [--key LABEL]
    ota-publish beacon run --key LABEL        ota-publish seed [RELEASE]...
    ota-publish export [RELEASE] -o FILE | --mirror DIR    for nodes without peers: one file, or a
                     folder that a web server gives out
    ota-publish log | show ID [-o REQ] | version
REQ is a request file with the exact bytes to sign, SIG one signer's answer; both may be "-".
init, trust propose, propose, pause, resume, abort and widen write a REQ: review, sign, commit
follow. brake, attest, invite and revoke act at once with one key.
Common flags: --json --long -q -v --no-progress -y --dry-run --timeout D --config FILE --home DIR
Example:
    $ ota-publish pack ./build -o app.pack &&
      ota-publish propose app.pack --channel stable --kind code -o r8.req
    $ ota-publish review r8.req && ota-publish sign r8.req -o r8.a.sig
`

/** One page per command, by its name. */
export const pages: Readonly<Record<string, string>> = {
  ...ceremonyPages,
  join: `Usage: ota-publish join [JOIN]

Follows a network from this home: keeps the join string and asks peers for the trust, 10 s or
--timeout. Without JOIN: prints the newest join string with its checkpoint.${network}

Example:
    $ ota-publish join
`,
  invite: `Usage: ota-publish invite [--slots N] [--label K=V]... [--until D] [-o FILE]

Writes an invite for N nodes, signed by a key of role enrol. The file is a secret.
  --until D                  no certificates from it after D
  --key LABEL                which key signs
  -o, --output FILE          default NAME.invite${secret}

Example:
    $ ota-publish invite --slots 20 --label operator=demo -o demo.invite
`,
  pack: `Usage: ota-publish pack DIR [--platform P] [--patch-from RELEASE]... [-o PACK]
       ota-publish pack --git REPO [--tag T] | --source DIR [--into DIR] [-o SOURCE]

Reads DIR as it will be released: checks it and its ota.json, prints tree digest and core key, makes
patches from earlier releases and a solid stream, and tells what each update and a first install
will cost. DIR must stay as it is until it is committed, and the commit is made from this home.
Warns of files that cost more than they need: ARCHIVE_INSIDE, INCOMPRESSIBLE, NOT_DELTA_ABLE.
  --platform P               default this machine's, as linux-x64
  --patch-from RELEASE       a release to make a patch from, at most 8; default the last three of
                             each channel whose folder is unchanged or that lie in this home's store
  --patch-memory SIZE        as 512M or 2G: less memory, smaller windows; default as needed, to 2G
  -o, --output PACK          default NAME-PLATFORM.pack
The second form bundles the source, with ota-build.json at its top, checks it as every builder will,
and gives "propose" what it needs. It takes git and a jail (bubblewrap, or user namespaces).
  --git REPO --tag T         the commit of that tag; default HEAD
  --source DIR               the files of DIR, without history
  --into DIR                 builds it too, twice, and leaves the tree in DIR: pack that

Example:
    $ ota-publish pack ./build -o app.pack
    $ ota-publish pack --git . --tag v1.2.0 -o app.source
`,
  propose: `Usage: ota-publish propose PACK... [SOURCE] --channel C --kind params|code|stateful
                           [-o REQ]

A release as a request: the plan compiled, the next number of its channel taken. One pack for each
platform; a node fetches its own only. With SOURCE builders can attest with --recipe.
  --plan P                   standard, short, small, urgent, or a policy FILE (JSON or TOML)
  --nodes N                  size of the fleet; default what the last command online counted
  --label VERSION            default the version in ota.json
  --notes FILE               release notes, at most 1 KiB
  --supersedes RELEASE       ends that rollout where it is
  --fixes RELEASE            ends it and moves its nodes first
  --floor RELEASE|self       no node goes below it
  --draw LABEL,...           whose one-time values draw the order
  --seq N                    a number above the last one; default the next nobody here has signed
  -o, --output REQ           default C-SEQ.req

Example:
    $ ota-publish propose app.pack --channel stable --kind code --notes NOTES.md -o r1.req
`,
  rehearse: `Usage: ota-publish rehearse [--plan PRESET|FILE] [--nodes N] [--effect E] [--runs R]

Plays a rollout on a simulated fleet that decides as real nodes do. Nothing is signed or sent; the
same seed gives the same story.
  --plan P                   standard, short, small, urgent, or a policy FILE; default by size
  --nodes N                  1 to 1000000, default 10000
  --base SHARE               nodes that fail in a bake though nothing is wrong, old and new; 1%
  --effect none|crash=5x|latency=+20%
                             the new version fails so many times as often, or answers so much
                             later; default none
  --partition 30%@2h+6h      so many nodes are cut off, from when after the release, how long
  --offline SHARE            so many nodes are switched off for half of each day
  --liars 2%[:failed|ok|controls]
                             so many say "failed" of the new version (the default), or "ok", or as
                             controls "failed"
  --runs R                   1 to 10000 plays with seeds N, N+1, ...; default 1
  --seed N                   a whole number from 0; default 1
  --html FILE                a page with plots that needs nothing else

Example:
    $ ota-publish rehearse --nodes 10000 --effect crash=5x --seed 1
`,
  seed: `Usage: ota-publish seed [RELEASE]...

Serves statements, trees and patches until it is stopped; default the last ten releases of each
channel. The cores of older ones are dropped.${network}

Example:
    $ ota-publish seed
`,
  export: `Usage: ota-publish export [RELEASE] -o FILE | --mirror DIR

Writes one file for nodes that nobody reaches: all statements, and the bytes of RELEASE for every
platform with its patches; without RELEASE, of the newest release of each channel. A node judges
it as if a peer had brought it: ota-node import FILE. Prints the newest join string with its
checkpoint.
  -o, --output FILE          a file that is there already is replaced
  --mirror DIR               instead: brings a folder up to date, with the last ten releases of each
                             channel, that a plain web server or a share gives to nodes ([mirrors]
                             urls of their configuration); with RELEASE, the others stay as they are

Example:
    $ ota-publish export -o r8.bundle
`,
  watch: `Usage: ota-publish watch [RELEASE] [--once]

Where the rollout of each channel is, as this read-only peer sees it: stage, evidence, brakes,
disputes, freshness. At a halt it asks on a terminal whether to draft and sign the abort; elsewhere
it prints the command. Ends with 0 whatever it sees; with --json the state is in the data.
  --once                     one look, after peers were heard
  --key LABEL                which key signs an abort${secret}${network}

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

Lifts what stands against a release, or goes on after a halt. Brakes and disputes of single keys
are listed as this home last heard them; with --peers or --bootstrap peers are asked first.
  --lift ID                  what to lift; default: asks for each
  --exclude KEY              a reporting key that no longer counts
  --reason TEXT              for people${network}

Example:
    $ ota-publish resume cque4cxk --lift 8yqe3w5n -o resume.req
`,
  widen: `Usage: ota-publish widen RELEASE --to STAGE [--reason TEXT] [-o REQ]

Skips waiting: a quorum lets the rollout go on to a later stage of its signed plan. The first bake,
a halt, a brake or a pause are never skipped.
  --to STAGE                 2 to the last, as "watch" counts them

Example:
    $ ota-publish widen cque4cxk --to 3 --reason "baked over the weekend" -o widen.req
`,
  brake: `Usage: ota-publish brake RELEASE --reason TEXT [--for D] [--key LABEL]

One brake key acts at once: no node starts or widens the release, nobody takes it back. It ends by
itself; the stage then bakes again. One at a time per key and release, three per key and epoch.
  --reason TEXT              for people, at most 96 bytes; "security: TEXT", "data-loss: TEXT" and
                             "outage: TEXT" say what kind it is
  --for D                    1m to 24h, from when a node hears it; default 24h
  --key LABEL                which key, if several here may
  --reach N                  ends when N peers have it, 1 to 8; default 1
  --alone                    do not go online: "seed" or "watch" passes it on
  --timeout D                default 60s; the brake stays here and goes out later
  --sign-with CMD|ssh-agent  as "sign"${secret}${network}

Example:
    $ ota-publish brake cque4cxk --reason "security: keys leak into the log" --for 6h
`,
  attest: `Usage: ota-publish attest RELEASE (--build DIR | --recipe) [--platform P] [--key LABEL]

A builder says that the source gave the released tree: DIR is packed, and only the same digest is
attested. It goes to peers, and on the builder's own feed if the trust lists that.
  --build DIR                your own build of the same source
  --recipe                   fetches the source of the release and builds it in a jail, offline
  --platform P               which platform DIR is, if the release has several
  --dispute                  your build differs: say so to all nodes, which blocks the release until
                             a quorum resumes it
  --key LABEL                which key, if several here may
  --reach N --alone          as "brake"
  --timeout D                default 60s
  --sign-with CMD|ssh-agent  as "sign"${secret}${network}

Example:
    $ ota-publish attest cque4cxk --build ./my-build --key builder-a
`,
  revoke: `Usage: ota-publish revoke INVITE[:SLOT]... [--key LABEL]

Ends invites, or single slots of them, at once with one key of role enrol: the nodes in them count
as absent. Certificates have no other end.
  INVITE                     an invite file, or the key of an invite made here, or its beginning
  --key LABEL                which key, if several here may
  --seeds N                  ends when N peers have it; default 1
  --alone                    do not wait for others
  --timeout D                default 10m
  --sign-with CMD|ssh-agent  as "sign"${secret}${network}

Example:
    $ ota-publish revoke demo.invite:3 --alone
`,
  'beacon run': `Usage: ota-publish beacon run --key LABEL [--every D]

Follows the network and says every 10 minutes what it believes, so that a node that is shown less
notices. A beacon can only make nodes wait. Runs until it is stopped, in a home of its own.
  --every D                  1m to 30m, a tenth more or less; default 10m
  --sign-with CMD|ssh-agent  as "sign"${secret}${network}

Example:
    $ ota-publish beacon run --key beacon-a --passphrase-fd 3 3</run/keys/beacon-a
`,
  log: `Usage: ota-publish log

Every statement this home holds, oldest first, and what single keys said: brakes, attestations,
beacons.

Example:
    $ ota-publish log
`,
  show: `Usage: ota-publish show ID [-o REQ]

One statement and who signed it, or a brake, attestation or beacon.
  -o, --output REQ           a statement as a request, for a signer who is not here

Example:
    $ ota-publish show cque4cxk -o r1.req
`,
  version: `Usage: ota-publish version

Example:
    $ ota-publish version
`
}
