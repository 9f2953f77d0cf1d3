import type { Head } from './head.ts'
import type { Ext } from './trust.ts'

/** Announcement, date or cancellation of an era. */
export interface Era {
  readonly head: Head
  readonly action: 'announce' | 'date' | 'cancel'
  readonly name: string
  readonly bit: number
  readonly seq: number
  readonly source: 'time' | 'counter'
  readonly counter: string
  readonly at: number
  readonly noticeMs: number
  readonly thresholdPpm: number
  readonly censuses: number
  readonly onShort: 'postpone' | 'force' | 'fail'
  readonly ext: readonly Ext[]
}
