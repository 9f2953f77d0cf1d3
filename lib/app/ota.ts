import { Socket } from 'node:net'

/** Says one line to the node: `send('OTA_STATE', 'primary')`. A line break in it is dropped. */
export type Send = (key: string, value: string | number) => void

const verbs = [
  'takeover',
  'release',
  'resume',
  'drain',
  'freeze',
  'thaw',
  'shadow-check',
  'era',
  'era-active',
  'params'
] as const

/** What the node asks for. Verbs that a later version adds are passed over. */
export type Verb = (typeof verbs)[number]

/**
 * What to do at each verb; those left out are passed over. The argument is the number of a life for
 * `takeover` and `resume`, a name for `era` and `era-active`, a folder for `params`, else empty.
 */
export type Handlers = { readonly [V in Verb]?: (argument: string, send: Send) => unknown }

export interface Ota {
  readonly send: Send
  /** False: nobody supervises this process; `send` does nothing, and no verb will come. */
  readonly supervised: boolean
}

/**
 * Opens the control stream (`OTA_FD`) and calls a handler for each verb. It keeps no process alive;
 * when the node goes, the app goes on. Without a node this is an app like any other.
 */
export function ota(on: Handlers, env: NodeJS.ProcessEnv = process.env): Ota {
  const fd = Number(env['OTA_FD'] ?? 0)
  if (!Number.isInteger(fd) || fd < 3) return { send: () => undefined, supervised: false }
  const stream = new Socket({ fd })
  const send: Send = (key, value) => {
    if (stream.writable) stream.write(`${key}=${String(value).replaceAll(/[\r\n]/g, ' ')}\n`)
  }
  let rest = ''
  // An error means that the node is gone: keep serving.
  stream.setEncoding('utf8').on('error', () => undefined)
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, word, argument = ''] = /^OTA=([a-z-]+)(?::(.*))?$/s.exec(line) ?? []
      const verb = verbs.find((one) => one === word)
      if (verb !== undefined) on[verb]?.(argument, send)
    }
  })
  stream.unref()
  return { send, supervised: true }
}

/**
 * Gives signs of life as often as the node asks for (`WATCHDOG_USEC`): they say that this process
 * still turns its loop. Returns how to stop; does nothing where none are asked for.
 */
export function watchdog(send: Send, env: NodeJS.ProcessEnv = process.env): () => void {
  const everyMs = Number(env['WATCHDOG_USEC'] ?? 0) / 2_000
  if (!(everyMs > 0)) return () => undefined
  send('WATCHDOG', 1)
  const timer = setInterval(() => send('WATCHDOG', 1), everyMs).unref()
  return () => clearInterval(timer)
}
