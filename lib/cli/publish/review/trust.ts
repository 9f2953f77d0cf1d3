import { equal, toHex } from '../../../base/index.ts'
import { ROLE, type Ext, type Member, type Role, type Trust } from '../../../records/index.ts'
import { escapeText, formatTime, table, type Output } from '../../frame/index.ts'

/** The name of a role by its wire number; `role 9` for one of a later version. */
export function roleName(role: number): string {
  const found = Object.entries(ROLE).find(([, number]) => number === role)
  return found?.[0] ?? `role ${role}`
}

/** All of a trust, role by role: what its signers vouch for. */
export function trustLines(out: Output, trust: Trust): string[] {
  const rows = trust.roles.map(({ role, threshold, members }) => {
    const labels = members.map((member) => memberText(out, member)).toSorted()
    return [roleName(role), `${threshold} of ${members.length}`, labels.join(', ')]
  })
  const feeds = trust.feeds.map((feed) => out.id(feed)).join(', ')
  rows.push(['feeds', String(trust.feeds.length), feeds])
  const { name, version, epoch, membership, access, protoLow, protoHigh } = trust
  const who = membership === 'open' ? 'anyone may join' : 'who is invited may join'
  const talks = access === 'members' ? ', nodes talk to members only' : ''
  return [
    `trust ${version} of ${escapeText(name)}  epoch ${epoch}  membership ${membership}`,
    ...table(rows),
    `${who}${talks}; gossip protocol ${protoLow} to ${protoHigh}`,
    `issued ${formatTime(trust.issuedMs)}, expires ${formatTime(trust.expiresMs)}`,
    ...extLines(trust.ext)
  ]
}

/** What a trust changes: who comes, who goes, thresholds, feeds, epoch, who may join. */
export function trustChanges(out: Output, before: Trust, next: Trust): string[] {
  const lines = [...memberChanges(out, before, next), ...thresholdChanges(before, next)]
  for (const feed of next.feeds) {
    if (!before.feeds.some((one) => equal(one, feed))) lines.push(`  + feed ${out.id(feed)}`)
  }
  for (const feed of before.feeds) {
    if (!next.feeds.some((one) => equal(one, feed))) lines.push(`  - feed ${out.id(feed)}`)
  }
  const was = (what: string, now: string | number, old: string | number): void => {
    if (now !== old) lines.push(`  ~ ${what} ${now}, was ${old}`)
  }
  was('epoch', next.epoch, before.epoch)
  if (next.epoch > before.epoch) {
    lines.push(`    releases of epoch ${before.epoch} and below count no more; seq begins anew`)
  }
  was('name', escapeText(next.name), escapeText(before.name))
  was('membership', next.membership, before.membership)
  was('access', next.access, before.access)
  was('gossip protocol', range(next), range(before))
  was('expires', formatTime(next.expiresMs), formatTime(before.expiresMs))
  if (next.version > before.version + 1) {
    lines.push(
      `  ~ skips ${next.version - before.version - 1} before it: trust ${before.version} is`
    )
  }
  return lines.length === 0 ? ['  nothing changes but the dates'] : lines
}

/** Fields of a later version: below 128 no node of today acts on what carries one. */
export function extLines(ext: readonly Ext[]): string[] {
  return ext.map(({ tag, bytes }) => {
    const meaning = tag < 128 ? 'critical, nodes of today hold' : 'nodes of today ignore it'
    return `unknown field ${tag}, ${bytes.byteLength} bytes: ${meaning}`
  })
}

function memberChanges(out: Output, before: Trust, next: Trust): string[] {
  const [old, now] = [parts(before), parts(next)]
  const text = ([, { role, member }]: [string, Part]): string =>
    `${roleName(role)}=${memberText(out, member)}`
  const come = [...now].filter(([id]) => !old.has(id)).map((part) => `  + ${text(part)}`)
  const go = [...old].filter(([id]) => !now.has(id)).map((part) => `  - ${text(part)}`)
  return [...come, ...go]
}

function thresholdChanges(before: Trust, next: Trust): string[] {
  const roles = new Map(before.roles.map((role) => [role.role, role]))
  const changed = next.roles.filter((role) => need(roles.get(role.role)) !== need(role))
  const gone = before.roles.filter(({ role }) => !next.roles.some((one) => one.role === role))
  return [
    ...changed.map((role) => {
      return `  ~ ${roleName(role.role)} needs ${need(role)}, was ${need(roles.get(role.role))}`
    }),
    ...gone.map(({ role }) => `  ~ there is no role ${roleName(role)} any more`)
  ]
}

function range({ protoLow, protoHigh }: Trust): string {
  return `${protoLow} to ${protoHigh}`
}

function need(role: Role | undefined): string {
  return role === undefined ? 'nobody' : `${role.threshold} of ${role.members.length}`
}

interface Part {
  readonly role: number
  readonly member: Member
}

/** Every key in every role; an anchor or an organisation that changes makes another part of it. */
function parts({ roles }: Trust): Map<string, Part> {
  return new Map(
    roles.flatMap(({ role, members }) =>
      members.map((member): [string, Part] => {
        const { key, draw, organisation } = member
        const anchor = draw === null ? '' : `${toHex(draw.root)} ${draw.first}`
        return [`${role} ${toHex(key)} ${anchor} ${organisation ?? ''}`, { role, member }]
      })
    )
  )
}

function memberText(out: Output, { label, key, organisation, draw }: Member): string {
  const of = organisation === null ? '' : ` for ${escapeText(organisation)}`
  const anchor = draw === null ? '' : ` anchor ${out.id(draw.root)}`
  return `${escapeText(label)} ${out.id(key)}${of}${anchor}`
}
