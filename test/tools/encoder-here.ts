import { encodeCorpus } from './encoder.ts'

/** Prints what the encoder of this Node makes of the corpus, as `fixtures/encoder` records it. */
process.stdout.write(`${JSON.stringify(await encodeCorpus(), null, 2)}\n`)
