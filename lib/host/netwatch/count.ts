/**
 * How many packets found no way out of a network that has none, from `/proc/net/snmp` and
 * `/proc/net/snmp6`. Null where the kernel does not tell.
 */
export function noRoutes(snmp: string, snmp6: string): number | null {
  const [names = '', values = ''] = snmp.split('\n').filter((line) => line.startsWith('Ip: '))
  const at = names.split(' ').indexOf('OutNoRoutes')
  const v4 = Number(values.split(' ')[at])
  if (at < 0 || !Number.isSafeInteger(v4)) return null
  return v4 + Number(/^Ip6OutNoRoutes\s+(\d+)/m.exec(snmp6)?.[1] ?? 0)
}
