import { OtaError } from '../../base/index.ts'

/** One home as a service of its own. */
export interface UnitOf {
  /** Letters of the instance: `ota-node@NAME.service`. */
  readonly name: string
  /** Absolute paths. */
  readonly home: string
  readonly config: string | null
  /** Program and first arguments that are `ota-node`. */
  readonly program: readonly string[]
  /** Sockets that systemd holds while the launcher itself is restarted; empty: none. */
  readonly sockets: readonly { readonly name: string; readonly address: string }[]
}

/** A file of systemd, by the name it has in its folder. */
export interface UnitFile {
  readonly file: string
  readonly text: string
}

/** Restarting cures neither a wrong configuration nor an era that is not supported. */
const incurable = '2 40'
/** Longer than an app drains, so that systemd does not cut it short. */
const stopSeconds = 60

const namePattern = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/

/** The service of a home and its sockets. Throws `USAGE` for what systemd would read else. */
export function unitFiles(unit: UnitOf): readonly UnitFile[] {
  checkUnit(unit)
  const sockets = unit.sockets.map((socket): UnitFile => ({
    file: socketFile(unit.name, socket.name),
    text: socketText(unit, socket)
  }))
  return [{ file: serviceFile(unit.name), text: serviceText(unit) }, ...sockets]
}

/** Name of the service file of a home. */
export function serviceFile(name: string): string {
  return `ota-node@${name}.service`
}

/** Whether a file of a unit folder is of this home. */
export function isUnitOf(file: string, name: string): boolean {
  if (file === serviceFile(name)) return true
  const start = socketFile(name, '').replace('.socket', '')
  // No name has an underscore: one never begins another.
  return file.startsWith(start) && /^[a-z0-9]+\.socket$/.test(file.slice(start.length))
}

function socketFile(name: string, listen: string): string {
  return `ota-node@${name}_${listen}.socket`
}

function serviceText({ name, home, config, program, sockets }: UnitOf): string {
  const words = [...program, 'run', '--home', home]
  const start = config === null ? words : [...words, '--config', config]
  const held = sockets.map((socket) => socketFile(name, socket.name))
  return section([
    '# Written by `ota-node install`. Changes belong into a drop-in:',
    `# systemctl edit ${serviceFile(name).replace('.service', '')}`,
    '[Unit]',
    `Description=Upswell node ${name}`,
    'Wants=network-online.target',
    'After=network-online.target',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${start.map(quoted).join(' ')}`,
    ...(held.length === 0 ? [] : [`Sockets=${held.join(' ')}`]),
    'Restart=always',
    'RestartSec=1',
    `RestartPreventExitStatus=${incurable}`,
    '# SIGTERM to the launcher alone, which lets the app finish first.',
    'KillMode=mixed',
    `TimeoutStopSec=${stopSeconds}`,
    '# One process that needed too much memory must not end the others.',
    'OOMPolicy=continue',
    '# The launcher makes control groups for the app, and drops its rights: no User= here.',
    'Delegate=yes',
    'LimitNOFILE=65536',
    'UMask=0077',
    '',
    '[Install]',
    'WantedBy=multi-user.target'
  ])
}

function socketText(
  { name }: UnitOf,
  socket: { readonly name: string; readonly address: string }
): string {
  return section([
    '# Written by `ota-node install --socket`.',
    '[Unit]',
    `Description=Socket ${socket.name} of Upswell node ${name}`,
    '',
    '[Socket]',
    `ListenStream=${socket.address}`,
    `FileDescriptorName=${socket.name}`,
    `Service=${serviceFile(name)}`,
    '',
    '[Install]',
    'WantedBy=sockets.target'
  ])
}

function section(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`
}

/** A word as systemd splits and unescapes it; `%` and `$` begin something else there. */
function quoted(word: string): string {
  const safe = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  if (/^[\w@%+=:,./$-]+$/.test(safe)) return safe
  return `"${safe.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

function checkUnit({ name, home, config, program, sockets }: UnitOf): void {
  if (!namePattern.test(name)) {
    throw new OtaError('USAGE', `"${name}" is no name for a service`, {
      hint: 'give one of letters, digits, dots and dashes with --name NAME'
    })
  }
  for (const text of [home, config ?? '/', ...program]) {
    if (/\p{Cc}/u.test(text)) throw new OtaError('USAGE', 'a path with a control character')
  }
  for (const socket of sockets) {
    if (/^[a-z0-9]+$/.test(socket.name) && /^[\w.:[\]-]+$/.test(socket.address)) continue
    throw new OtaError('USAGE', `systemd cannot hold the socket "${socket.name}"`, {
      hint: 'a name of letters and digits, and an address HOST:PORT'
    })
  }
}
