import { isRaw } from '../raw.ts'
import { HoldProxy } from './proxy.ts'

/**
 * The process that stands before an app with `proxy: hold`. It gets the listening sockets from the
 * launcher, one message each, and ends with it.
 */
const proxy = new HoldProxy()
const tellMs = 200
let told = ''

process.on('message', (message: unknown, socket: unknown) => {
  if (typeof message !== 'object' || message === null) return
  const fields: Record<string, unknown> = Object.fromEntries(Object.entries(message))
  const { name, key, ports } = fields
  switch (fields['do']) {
    case 'open':
      // A raw socket is what the types of Node leave out.
      if (isRaw(socket)) proxy.serve(String(name)).listen(socket)
      break
    case 'close':
      proxy.close(String(name))
      break
    case 'hold':
      void hold(Number(fields['settleMs']), Number(fields['id']))
      break
    case 'flow':
      proxy.flow({ key: String(key), ports: portsOf(ports) })
      break
    case 'drain':
      void drain(String(key), Number(fields['drainMaxMs']), Number(fields['id']))
      break
    default:
  }
})
process.on('disconnect', () => process.exit(0))
// The launcher ends us; its own signals are not ours.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
setInterval(tell, tellMs).unref()

async function drain(key: string, drainMaxMs: number, id: number): Promise<void> {
  const lost = await proxy.drain(key, drainMaxMs)
  tell()
  process.send?.({ drained: id, lost })
}

async function hold(settleMs: number, id: number): Promise<void> {
  await proxy.hold(settleMs)
  process.send?.({ drained: id, lost: 0 })
}

function tell(): void {
  const { counts } = proxy
  const text = JSON.stringify(counts)
  if (text === told) return
  told = text
  process.send?.({ counts })
}

function portsOf(value: unknown): Readonly<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const [name, port] of Object.entries(value ?? {})) ports[name] = Number(port)
  return ports
}
