import { readFile, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { callDaemon } from '../../lib/control/index.ts'
import { isOtaError } from '../../lib/base/index.ts'
import { start, stop } from './proc.ts'

/** What the demo reads of `ota-node status --json`; the fields are those of the program. */
export interface NodeStatus {
  readonly running: { readonly release: string; readonly label: string } | null
  readonly state: string
  readonly peers: number
  readonly held: boolean
  readonly trust: { readonly version: number } | null
  readonly alarms: readonly string[]
  readonly app: { readonly pid: number | null; readonly restarts: number } | null
  readonly pids: { readonly daemon: number; readonly launcher: number }
  readonly attempts: readonly { readonly release: string; readonly count: number }[]
  readonly quarantine: readonly {
    readonly release: string
    readonly why: string
    readonly code: string
  }[]
  readonly treatment: { readonly release: string; readonly startedMs: number } | null
  readonly rollout: {
    readonly release: string
    readonly label: string
    readonly phase: string
    readonly stage: number
    readonly treated: number
    readonly good: number
    readonly failed: number
    readonly reasons: readonly string[]
  } | null
}

export interface Member {
  readonly index: number
  readonly home: string
  readonly port: number
  /** Null while it is stopped. */
  launcher: ChildProcess | null
  status: NodeStatus | null
}

export interface FleetOptions {
  readonly root: string
  readonly nodes: number
  readonly inviteFile: string
  readonly bootstrap: string
}

/** Twenty machines on one: each a home of its own, each started with `ota-node run`. */
export class Fleet {
  readonly members: Member[] = []

  /** Writes the homes and starts all nodes. */
  static async launch(options: FleetOptions): Promise<Fleet> {
    const fleet = await Fleet.lay(options)
    for (const member of fleet.members) fleet.start(member)
    return fleet
  }

  /** Writes the homes and starts nothing yet. */
  static async lay(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet()
    const ports = await freePorts(options.nodes)
    for (const [index, port] of ports.entries()) {
      const home = join(options.root, `node-${index}`)
      await mkdir(home, { mode: 0o711 })
      await writeFile(join(home, 'ota-node.toml'), configOf(options, index, port))
      fleet.members.push({ index, home, port, launcher: null, status: null })
    }
    return fleet
  }

  /** Starts a node, or starts it again. */
  start(member: Member, env: NodeJS.ProcessEnv = {}): void {
    const { home } = member
    const logFile = join(home, 'node.log')
    member.launcher = start('ota-node', ['run', '--home', home], { cwd: home, logFile, env })
  }

  /** Ends a node as its service manager would. */
  async stopOne(member: Member): Promise<void> {
    const { launcher } = member
    if (launcher !== null) await stop(launcher, 12_000)
    member.launcher = null
    member.status = null
  }

  /** Asks every daemon; one that does not answer keeps its last status. */
  async refresh(): Promise<void> {
    await Promise.all(
      this.members.map(async (member) => {
        if (member.launcher === null) return
        const socket = join(member.home, 'run', 'ctl.sock')
        try {
          // The daemon is ours and of this very build.
          member.status = (await callDaemon(socket, {
            method: 'GET',
            path: '/status'
          })) as NodeStatus
        } catch (error) {
          if (!isOtaError(error)) throw error
        }
      })
    )
  }

  /** Nodes whose app in charge is this release, by label. */
  on(label: string): number {
    return this.members.filter((member) => member.status?.running?.label === label).length
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => this.stopOne(member)))
  }
}

function configOf(options: FleetOptions, index: number, port: number): string {
  return [
    `invite = ${JSON.stringify(options.inviteFile)}`,
    `slot = ${index}`,
    '[app]',
    `listen = ["http=tcp:127.0.0.1:${port}"]`,
    // Rehearsals take a minute each; tests of their own show them.
    '[policy]',
    'shadow = "off"',
    'phoneHome = "off"',
    '[swarm]',
    'host = "127.0.0.1"',
    `bootstrap = [${options.bootstrap
      .split(',')
      .map((address) => JSON.stringify(address))
      .join(', ')}]`,
    ''
  ].join('\n')
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address !== null && typeof address !== 'string') ports.push(address.port)
  }
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

/** Resident memory of a process in MB; 0 when it is gone. */
export async function residentMb(pid: number): Promise<number> {
  try {
    const text = await readFile(`/proc/${pid}/status`, 'utf8')
    const match = /VmRSS:\s+(\d+) kB/.exec(text)
    return match === null ? 0 : Number(match[1]) / 1_024
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
