/** Flags of commands that go online, for their pages. */
export const network = `
  --peers HOST:PORT#KEY,...  dialled always
  --bootstrap HOST:PORT,...  instead of the public DHT; none: peers only
  --host ADDRESS --port N    where to listen; a fixed port keeps its key`

export const secret = `
  --passphrase-fd N          read the pass phrase from a descriptor: --passphrase-fd 3 3<FILE`

const elsewhere = `
  --sign-with CMD            a program signs: the exact bytes on its stdin, 64 raw bytes back; no
                             shell, words as in 'a b' or "a b"
  --sign-with ssh-agent      the agent at SSH_AUTH_SOCK signs, with an Ed25519 key`

const draft = `
  --need ROLE=K              a new threshold
  --feed KEY                 the feeds from now on, all of them
  --raise-epoch              undo a fast-forward of numbers by stolen keys
  --expires D                default 365d
  --number N                 the version; default the next one nobody here has seen or signed
  --allow-split              thresholds that two groups without a common signer can meet
  -o, --output REQ           default tN.req`

/** Pages of the ceremony: keys, trust, review, sign, commit. */
export const ceremonyPages: Readonly<Record<string, string>> = {
  'keys new': `Usage: ota-publish keys new --label L [-o CARD]
       ota-publish keys new --label L --sign-with CMD|ssh-agent --public KEY [-o CARD]

Makes a signing key under a pass phrase and a feed of its own, and writes the card to pass on.
The feed's key is a mailbox key without authority; it lies unencrypted in the home, 0600.
With --sign-with the signing key stays where it is: the file has its draw secret alone.
  --label L                  1 to 32 of a-z 0-9 . -
  --public KEY               FILE.pub of ssh-keygen -t ed25519, or the key in z32${elsewhere}
  -o, --output CARD          default L.card${secret}

Example:
    $ ota-publish keys new --label signer-a
`,
  'keys list': `Usage: ota-publish keys list

Example:
    $ ota-publish keys list --long
`,
  'keys export': `Usage: ota-publish keys export --label L [-o FILE]

Writes the key file, still encrypted, to carry to another machine. Its feed stays here, and so does
the journal of what it signed: sign with it on one machine only.

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
  --beacon CARD              an online key that says what is newest; it can only make nodes wait
  --draw CARD                who may draw the order of a release
  --builder ORG=CARD         who builds from source and attests, for an organisation
  --attest N                 organisations that must attest a release; default 1 with builders
  --access any|members       whom nodes talk to; default any
  --expires D                default 365d
  --allow-split              thresholds that two groups without a common signer can meet
  --solo                     one key in every role: made if there is none, signed and committed
  -o, --output REQ           default t1.req${secret} (--solo)

Example:
    $ ota-publish init --name demo --card a.card --card b.card --card c.card --enroller a.card
`,
  'trust show': `Usage: ota-publish trust show

Who may do what now, and until when. "review" shows a trust that is proposed.

Example:
    $ ota-publish trust show
`,
  'trust propose': `Usage: ota-publish trust propose [--add ROLE=CARD]... [--drop ROLE=LABEL]...

The next trust as a request; the root keys of both trusts sign it.
Roles: root release brake beacon draw build enrol; a builder comes as build=ORG=CARD.${draft}

Example:
    $ ota-publish trust propose --drop release=signer-c --add release=signer-d.card
`,
  'trust rotate': `Usage: ota-publish trust rotate --drop LABEL --add CARD [-o REQ]

One signer goes and another comes, in every role the first one had. Who comes signs the live
releases too ("sign ID" or "sign REQ"), and the answers go to "trust commit" beside the others.
  --drop LABEL               who goes
  --add CARD                 who comes${draft}

Example:
    $ ota-publish trust rotate --drop signer-b --add signer-d.card -o t2.req
`,
  'trust revoke': `Usage: ota-publish trust revoke LABEL... [--need ROLE=K]... [-o REQ]

Signers go from every role they have, and nobody comes.${draft}

Example:
    $ ota-publish trust revoke signer-c -o t2.req
`,
  review: `Usage: ota-publish review REQ|ID [--build DIR]... [--platform P]

Everything that a signature would vouch for, decoded from the bytes that will be signed, and what
changed since the last release: files, hooks, state, egress, policy, plan, attestations, roles.
  --build DIR                your own build: its digest and core key must be the release's
  --build P=DIR              the same, one for each platform
  --platform P               which platform DIR is, if the release has several

Example:
    $ ota-publish review r1.req --build ./my-build
`,
  sign: `Usage: ota-publish sign REQ|ID [--key LABEL] [--build DIR] [-o SIG]

Shows the review, asks, and writes one answer per key of yours that has a part in it. Needs no
network: the request file and your build are enough. A release is signed by a key that only the
next trust lists too: its answer goes to the commit of that trust.
  --build DIR                refuse unless your own build gives the same tree; P=DIR: of platform P
  --platform P               which platform DIR is, if the release has several
  --key LABEL                which key, if several here have a part
  --append                   put it on your own feed too${elsewhere}
  -o, --output SIG           default REQ.LABEL.sig${secret}
                             several keys: a line each, in the order they are asked for

Example:
    $ ota-publish sign r1.req --build ./my-build -o r1.b.sig
`,
  verify: `Usage: ota-publish verify REQ|ID [SIG]...

Who signed and who is missing; exit 10 while it is not enough.

Example:
    $ ota-publish verify r1.req r1.a.sig r1.b.sig
`,
  commit: `Usage: ota-publish commit REQ|ID [SIG]... [--seeds N | --alone]

Counts, judges as a node will, builds tree and patch cores from what was packed here, appends to
every live feed of this home, and ends when N other peers (default 2) hold all trees. Beside a trust
it takes answers to releases that are here: they count under that trust, and go out behind it.
  --alone                    do not wait for others: for the first release
  --drop RELEASE             a release that a new trust may leave without quorum
  --timeout D                default 10m${network}

Example:
    $ ota-publish commit r1.req r1.a.sig r1.b.sig --alone
`
}
