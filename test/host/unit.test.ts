// The systemd unit of a home, as text and as systemd reads it.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'brittle'
import { isOtaError } from '../../lib/base/index.ts'
import { isUnitOf, unitFiles, type UnitOf } from '../../lib/host/unit/unit.ts'

const demo: UnitOf = {
  name: 'demo',
  home: '/var/lib/upswell/demo',
  config: '/etc/upswell/demo.toml',
  program: ['/usr/bin/ota-node'],
  sockets: []
}

const expected = `# Written by \`ota-node install\`. Changes belong into a drop-in:
# systemctl edit ota-node@demo
[Unit]
Description=Upswell node demo
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/bin/ota-node run --home /var/lib/upswell/demo --config /etc/upswell/demo.toml
Restart=always
RestartSec=1
RestartPreventExitStatus=2 40
# SIGTERM to the launcher alone, which lets the app finish first.
KillMode=mixed
TimeoutStopSec=60
# One process that needed too much memory must not end the others.
OOMPolicy=continue
# The launcher makes control groups for the app, and drops its rights: no User= here.
Delegate=yes
LimitNOFILE=65536
UMask=0077

[Install]
WantedBy=multi-user.target
`

function refused(unit: Partial<UnitOf>): string {
  try {
    unitFiles({ ...demo, ...unit })
    return 'accepted'
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

test('the unit of a home is written word by word', (t) => {
  t.alike(unitFiles(demo), [{ file: 'ota-node@demo.service', text: expected }])
  const plain = unitFiles({ ...demo, config: null })[0]?.text ?? ''
  t.ok(plain.includes('run --home /var/lib/upswell/demo\n'))
})

function start(home: string): string | undefined {
  const [service] = unitFiles({ ...demo, home, config: null })
  return /^ExecStart=(.*)$/m.exec(service?.text ?? '')?.[1]
}

test('a path is one word to systemd, whatever is in it', (t) => {
  t.is(start('/srv/a b'), '/usr/bin/ota-node run --home "/srv/a b"')
  t.is(start('/srv/50%'), '/usr/bin/ota-node run --home /srv/50%%')
  t.is(start('/srv/$HOME'), '/usr/bin/ota-node run --home /srv/$$HOME')
  t.is(start('/srv/"x\\'), '/usr/bin/ota-node run --home "/srv/\\"x\\\\"')
})

test('what systemd would read as something else is refused', (t) => {
  for (const name of ['', 'a b', '../x', 'a/b', '%i', 'a@b', '-x']) t.is(refused({ name }), 'USAGE')
  t.is(refused({ home: '/srv/a\nExecStart=/bin/sh' }), 'USAGE')
  t.is(refused({ program: ['/usr/bin/x\n'] }), 'USAGE')
  const socket = (name: string, address: string) => refused({ sockets: [{ name, address }] })
  t.is(socket('http', '0.0.0.0:80'), 'accepted')
  t.is(socket('http', '[::1]:80'), 'accepted')
  t.is(socket('ht tp', '0.0.0.0:80'), 'USAGE')
  t.is(socket('http', '0.0.0.0:80\nExecStart=x'), 'USAGE')
})

test('sockets are units of their own that start the service', (t) => {
  const sockets = [
    { name: 'http', address: '0.0.0.0:8080' },
    { name: 'rpc', address: '127.0.0.1:9000' }
  ]
  const files = unitFiles({ ...demo, sockets })
  const names = files.map(({ file }) => file)
  t.alike(names, ['ota-node@demo.service', 'ota-node@demo_http.socket', 'ota-node@demo_rpc.socket'])
  t.ok(files[0]?.text.includes('Sockets=ota-node@demo_http.socket ota-node@demo_rpc.socket\n'))
  const text = files[1]?.text ?? ''
  for (const line of ['ListenStream=0.0.0.0:8080', 'FileDescriptorName=http'])
    t.ok(text.includes(`\n${line}\n`), line)
  t.ok(text.includes('Service=ota-node@demo.service'))
  t.ok(names.every((file) => isUnitOf(file, 'demo')))
  for (const file of ['ota-node@demo2.service', 'ota-node@demo2_http.socket', 'x.service'])
    t.absent(isUnitOf(file, 'demo'), file)
})

test('systemd finds nothing wrong with them', async (t) => {
  const program = '/usr/bin/systemd-analyze'
  if (!existsSync(program)) return t.comment('no systemd-analyze on this machine')
  const root = await t.tmp()
  const ota = join(root, 'ota node')
  await writeFile(ota, '#!/bin/sh\n')
  await chmod(ota, 0o755)
  const folder = join(root, 'units')
  await mkdir(folder)
  const sockets = [{ name: 'http', address: '127.0.0.1:8080' }]
  const files = unitFiles({ ...demo, program: [ota], home: '/srv/100% $HOME "x"', sockets })
  for (const { file, text } of files) await writeFile(join(folder, file), text)
  const env = { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` }
  const paths = files.map(({ file }) => join(folder, file))
  const { stderr } = await promisify(execFile)(program, ['verify', ...paths], { env })
  t.absent(stderr.includes('ota-node@'), stderr)
})
