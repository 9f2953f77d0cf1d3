/** The usage of `ota-node`, written by hand; each command's own text stands beside its code. */
export const usage = `Usage:
    ota-node join JOIN|INVITE [--slot N]       write the config of this home for a network
    ota-node run [--network JOIN] [--invite FILE] [--slot N] [--peers HOST:PORT#KEY,...]
                 [--bootstrap HOST:PORT,...|none] [--rendezvous] [--host ADDR] [--port N]
                 [--level notify|stage|auto] [--channel C] [--listen NAME=tcp:ADDR:PORT]...
                 [-- COMMAND [ARG]...]         run the app of the newest release, and keep it new
    ota-node seed [--network JOIN] [...]       carry statements and bytes, run no app
    ota-node status | check                    what runs, what comes next; ask the peers now
    ota-node why [RELEASE]                     why it is, or is not, installed, and its place
    ota-node apply [RELEASE] [--now] [--skip-window]   say yes to a release; take it now
    ota-node hold [--until TIME] [--reason TEXT] | unhold
    ota-node pin RELEASE | unpin | skip RELEASE | unskip RELEASE
    ota-node rollback [--to RELEASE] [--accept-loss] | keep   the version before; stay here
    ota-node quarantine ls | clear RELEASE --force
    ota-node history | metrics                 what this node did; Prometheus text
    ota-node label NAME=VALUE...               labels of this node
    ota-node verify FILE|DIR [--network JOIN]  judge statements or a version folder offline
    ota-node trust                             what this node believes, as JSON
    ota-node import FILE | export [RELEASE] -o FILE   releases as one file, for whom nobody reaches
    ota-node config show | check | doctor      values, who set them; what is wrong; what works
    ota-node install | uninstall               the systemd unit of this home
    ota-node version

One --home DIR holds one app; without it $XDG_STATE_HOME/upswell/node. Every command takes --json.

Example:
    $ ota-node run --invite demo.invite --listen http=tcp:127.0.0.1:8080
`
