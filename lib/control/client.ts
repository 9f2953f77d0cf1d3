import { request, type IncomingMessage } from 'node:http'
import { EXIT, OtaError, type Code } from '../base/index.ts'

/** A daemon that does not answer in this time is as good as none. */
const answerWithinMs = 10_000

/** One call to the daemon of a home. */
export interface Call {
  readonly method: 'GET' | 'POST'
  /** As `/status`, `/why/gdear5yo`, `/command/hold`. */
  readonly path: string
  readonly args?: Readonly<Record<string, string>>
  /** How long an answer may take; ten seconds unless told. */
  readonly withinMs?: number
}

/**
 * Asks the daemon behind `socket`. Rejects with the daemon's own coded error, or with `NO_PEERS`
 * and a hint when no daemon is there.
 */
export function callDaemon(socket: string, call: Call): Promise<object> {
  return new Promise((resolve, reject) => {
    const message = request(
      { socketPath: socket, method: call.method, path: call.path },
      (response) => {
        readJson(response).then((value) => {
          if (response.statusCode === 200) resolve(value)
          else reject(toError(value))
        }, reject)
      }
    )
    message.setTimeout(call.withinMs ?? answerWithinMs, () =>
      message.destroy(new Error('no answer'))
    )
    message.on('error', (cause) => {
      reject(
        new OtaError('NO_PEERS', `no daemon answers at ${socket}`, {
          cause,
          hint: 'start it with: ota-node run --home DIR'
        })
      )
    })
    message.end(call.args === undefined ? undefined : JSON.stringify(call.args))
  })
}

async function readJson(response: IncomingMessage): Promise<object> {
  response.setEncoding('utf8')
  let text = ''
  for await (const part of response) text += String(part)
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) {
    throw new OtaError('INTERNAL', 'the daemon answered something that is no object')
  }
  return value
}

function toError(value: object): OtaError {
  const { code, message, hint } = value as Record<string, unknown>
  const known = typeof code === 'string' && Object.hasOwn(EXIT, code) ? (code as Code) : 'INTERNAL'
  const text = typeof message === 'string' ? message : 'the daemon refused without a reason'
  return new OtaError(known, text, typeof hint === 'string' ? { hint } : {})
}
