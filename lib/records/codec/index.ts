/**
 * The forms that every record is made of, each with one encoding only: a `Codec` writes and reads
 * it, a `Reader` refuses every other form. It knows no record.
 */
export {
  checkSize,
  decodeWhole,
  encodeWhole,
  readWhole,
  refine,
  remembered,
  struct,
  tagged,
  type Codec,
  type Fail
} from './codec.ts'
export { ext, inOrder, isCritical, list, opt, times, type Ext } from './lists.ts'
export { Reader } from './reader.ts'
export {
  blob,
  bool,
  fixed,
  i16,
  i8,
  id,
  key,
  ms,
  name,
  note,
  oneOf,
  ppm,
  text,
  u16,
  u32,
  u8,
  uint,
  within
} from './values.ts'
export { Writer } from './writer.ts'
