import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import type { Clock } from '../../base/index.ts'
import type { Probe } from '../../records/index.ts'

/** How the process to be probed can be reached. */
export interface Probed {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** `host:port` of each listen entry, the app's own. */
  readonly addresses: Readonly<Record<string, string>>
  readonly startedMs: number
}

const answerBytesMax = 4_096

/** Asks once. Anything but the expected answer within `timeoutMs` is no. */
export async function probeOnce(
  clock: Clock,
  probe: Probe,
  at: Probed,
  timeoutMs: number
): Promise<boolean> {
  switch (probe.tag) {
    case 'alive':
      return clock.steadyMs() - at.startedMs >= probe.aliveMs
    case 'tcp':
      return await asked(at.addresses[probe.listen], '', timeoutMs, () => true)
    case 'http': {
      const request = `GET ${probe.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
      const expected = new RegExp(`^HTTP/1\\.[01] ${probe.expect}[ \\r]`)
      return await asked(at.addresses[probe.listen], request, timeoutMs, (answer) =>
        expected.test(answer)
      )
    }
    case 'command':
      return await commandSays(probe.run, at, timeoutMs)
    default:
      return false
  }
}

/** Connects, says `request` if any, and judges the first bytes that come back. */
async function asked(
  address: string | undefined,
  request: string,
  timeoutMs: number,
  judge: (answer: string) => boolean
): Promise<boolean> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address ?? '') ?? []
  if (port === '') return false
  return await new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) })
    let answer = ''
    const end = (verdict: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(verdict)
    }
    const timer = setTimeout(() => end(false), timeoutMs)
    socket.on('error', () => end(false))
    socket.on('close', () => end(judge(answer) && request !== ''))
    socket.on('connect', () => {
      if (request === '') end(true)
      else socket.write(request)
    })
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text
      if (answer.includes('\r\n') || answer.length > answerBytesMax) end(judge(answer))
    })
  })
}

/** Exit 0 is yes; any other number, a signal and a time-out are no (S89). */
async function commandSays(
  run: readonly string[],
  at: Probed,
  timeoutMs: number
): Promise<boolean> {
  const [program = '', ...args] = run
  return await new Promise((resolve) => {
    const child = spawn(program, args, { cwd: at.cwd, env: { ...at.env }, stdio: 'ignore' })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    const end = (verdict: boolean): void => {
      clearTimeout(timer)
      resolve(verdict)
    }
    child.once('error', () => end(false))
    child.once('exit', (code) => end(code === 0))
  })
}
