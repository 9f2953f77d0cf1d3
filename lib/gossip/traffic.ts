/** Frames of our channel and their bytes, without what the connection puts around them. */
export interface Traffic {
  framesIn: number
  bytesIn: number
  framesOut: number
  bytesOut: number
}

export const noTraffic = (): Traffic => ({ framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0 })
