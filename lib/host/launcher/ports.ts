import { createServer } from 'node:net'

/** A port nobody uses at this moment. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const bound = server.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** Whether somebody listens on one of these ports of this machine. */
export async function someTaken(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    const taken = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'))
      server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(false)))
    })
    if (taken) return true
  }
  return false
}

/** Fills `${PORT}` and `${PORT_NAME}` into a text. */
export function filler(
  names: readonly string[],
  ports: Readonly<Record<string, number>>
): (text: string) => string {
  const variables = portVariables(names, ports)
  return (text) =>
    text.replace(/\$\{(PORT(?:_[A-Z0-9_]+)?)\}/g, (all, key) => variables[key] ?? all)
}

/** `PORT` is the first port; every port has its own name too. */
export function portVariables(
  names: readonly string[],
  ports: Readonly<Record<string, number>>
): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {}
  for (const [index, name] of names.entries()) {
    const port = String(ports[name] ?? 0)
    if (index === 0) variables['PORT'] = port
    variables[`PORT_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`] = port
  }
  return variables
}
