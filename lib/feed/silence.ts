import type { Log } from '../base/index.ts'

/**
 * hypercore prints a conflict with `console.log`. A command that promises JSON shares that stdout,
 * so while a store is open lines with this mark become log events; everything else passes.
 */
const mark = '[hypercore] '

let open = 0
let original: typeof console.log | null = null
const logs = new Set<Log>()

/** Starts the redirection; the returned function ends it, and the last one restores the console. */
export function silenceHypercore(log: Log): () => void {
  /* oxlint-disable no-console -- this file exists to keep others from it */
  if (open === 0) {
    const print = console.log
    original = print
    console.log = (...parts: unknown[]) => {
      const [first] = parts
      if (typeof first !== 'string' || !first.startsWith(mark)) return print(...parts)
      for (const one of logs) one('hypercore', { text: first.slice(mark.length) })
    }
  }
  open += 1
  logs.add(log)
  let ended = false
  return () => {
    if (ended) return
    ended = true
    open -= 1
    logs.delete(log)
    if (open === 0 && original !== null) console.log = original
  }
  /* oxlint-enable no-console */
}
