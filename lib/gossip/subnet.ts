/**
 * The /24 (IPv6: /48) of an address, null for private, link-local and loopback ones: one house or
 * one data centre may hold many nodes, one bought range must not fill our places.
 */
export function subnetOf(host: string): string | null {
  const octets = host.split('.').map(Number)
  if (octets.length === 4) return isPrivate(octets) ? null : octets.slice(0, 3).join('.')
  if (!host.includes(':')) return null
  const groups = host.toLowerCase().split(':')
  if (/^(f[cd]|fe[89ab]|:)/.test(host.toLowerCase())) return null
  return groups.slice(0, 3).join(':')
}

function isPrivate([a = 0, b = 0]: readonly number[]): boolean {
  if (a === 10 || a === 127 || a === 0) return true
  if (a === 172) return b >= 16 && b < 32
  if (a === 100) return b >= 64 && b < 128
  return (a === 192 && b === 168) || (a === 169 && b === 254)
}
