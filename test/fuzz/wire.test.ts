import test from 'brittle'
import { floodWire } from './wire.ts'

test('malformed messages that come slowly are each read to their fault', async (t) => {
  const report = await floodWire(t, { seed: 'short', messages: 1_000, patient: true })
  t.is(report.handlerFaults, 0)
  t.is(report.probes, report.connections, 'honest statements went through the node meanwhile')
  t.ok(report.rejects > 500, `${report.rejects} of ${report.sent} were at fault`)
})

test('S114 a flood of malformed messages ends with its third, honest peers go on', async (t) => {
  const report = await floodWire(t, { seed: 'short', messages: 1_000, patient: false })
  t.is(report.sent, 1_000)
  t.is(report.cut, report.connections, 'no flood outlived its third reject')
  t.is(report.probes, report.connections)
  t.is(report.handlerFaults, 0)
  t.is(report.rejects, 3 * report.connections)
})
