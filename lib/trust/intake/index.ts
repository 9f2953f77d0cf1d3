/**
 * How foreign statements become belief: read, count the signatures, judge, let go of what is not
 * worth its place. It knows neither files nor carriers.
 */
export { Admission, type AdmissionOptions, type Ruling } from './admission.ts'
export { admit, verdictOf, type Verdict } from './admit.ts'
export { judgeAllOffline, judgeOffline, type Judgement } from './offline.ts'
export { readStatement } from './read.ts'
export { restore, type Restored, type Stored, type Told } from './restore.ts'
