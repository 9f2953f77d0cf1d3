declare module 'fs-native-extensions' {
  const locks: {
    /** False if another process holds it. The lock lasts as long as the descriptor. */
    tryLock(fd: number): boolean
  }
  export default locks
}
