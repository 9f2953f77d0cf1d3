/**
 * Something a program tried to reach. `dns` is a question, `host` its name; `unix` a socket of the
 * machine, `host` its path, or its abstract name after "@"; `ip` any other protocol, `port` its
 * number. Port 0 where there is none.
 */
export interface Destination {
  readonly proto: 'tcp' | 'udp' | 'dns' | 'unix' | 'ip'
  readonly host: string
  readonly port: number
}

/** Undeclared ones that a verdict lists, at most. */
export const destinationsMax = 64
/** A watch remembers so many, declared ones and others. */
export const seenMax = 1_024

/** One line for people, and the same for the same destination. */
export function showDestination({ proto, host, port }: Destination): string {
  if (proto === 'dns' || proto === 'unix') return `${proto} ${host}`
  if (proto === 'ip') return `ip protocol ${port} to ${host}`
  return `${proto} ${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Names of the wire hold what their sender likes: only what a name is made of is shown. */
export function cleanName(name: string, bytesMax = 255): string {
  return name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, bytesMax)
}
