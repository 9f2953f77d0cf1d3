import { fromText, type Bytes } from '../../lib/base/index.ts'
import { Writer, type Policy, type Trust } from '../../lib/records/index.ts'
import { policy } from './samples.ts'

/** A trust as it would be written by someone who checks nothing, lists in the order given. */
export function laxTrust(trust: Trust): Bytes {
  const writer = new Writer('lax trust')
  const text = (value: string): void => {
    writer.uint(fromText(value).byteLength)
    writer.raw(fromText(value))
  }
  text(trust.name)
  for (const n of [trust.version, trust.epoch, trust.issuedMs, trust.expiresMs]) writer.uint(n)
  writer.uint(trust.roles.length)
  for (const { role, threshold, members } of trust.roles) {
    writer.u8(role)
    writer.uint(threshold)
    writer.uint(members.length)
    for (const { key, label, draw, organisation } of members) {
      writer.raw(key)
      text(label)
      if (draw !== null) {
        writer.raw(draw.root)
        writer.u32(draw.first)
      }
      if (organisation !== null) text(organisation)
    }
  }
  writer.u8(trust.membership === 'open' ? 0 : 1)
  writer.u8(trust.access === 'any' ? 0 : 1)
  writer.uint(trust.feeds.length)
  for (const feed of trust.feeds) writer.raw(feed)
  writer.u8(trust.protoLow)
  writer.u8(trust.protoHigh)
  writer.uint(0)
  return writer.finish()
}

export const lessUndo = (): Policy => ({ ...policy, halt: { ...policy.halt, undoUpToPpm: 99_999 } })
export const otherDays = (): Policy => {
  const [, second] = policy.time.windows
  const windows = [{ ...policy.time.windows[0]!, days: 0x1e }, second!]
  return { ...policy, time: { ...policy.time, windows } }
}
export const laterCheckpoint = (): Policy => {
  const [, ...rest] = policy.gate.checkpointsMs
  return { ...policy, gate: { ...policy.gate, checkpointsMs: [300_001, ...rest] } }
}
