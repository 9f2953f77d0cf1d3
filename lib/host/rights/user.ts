import { readFile } from 'node:fs/promises'
import { OtaError } from '../../base/index.ts'

/** Whom an app runs as. */
export interface AppUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** The largest number that is a user: the one above it means "unchanged" to the system. */
const idMax = 0xffff_fffe

/**
 * The user that `[app] user` names, as `relay` or `1000:1000`, from `/etc/passwd`. Throws
 * `CONFIG_INVALID` for a user that is not there, and for root: an app never runs as root by name.
 */
export async function findUser(text: string, passwd = '/etc/passwd'): Promise<AppUser> {
  const ids = /^(\d+):(\d+)$/.exec(text)
  const found = ids === null ? named(text, await readFile(passwd, 'utf8')) : numbered(text, ids)
  if (found === null) {
    throw new OtaError('CONFIG_INVALID', `[app] user: there is no user "${text}" in ${passwd}`, {
      hint: 'make one with: useradd --system --no-create-home NAME, or give UID:GID'
    })
  }
  if (found.uid === 0 || found.gid === 0) {
    throw new OtaError('CONFIG_INVALID', `[app] user: "${text}" is root, and an app never is`, {
      hint: 'name a user of its own: useradd --system --no-create-home NAME'
    })
  }
  return found
}

function numbered(text: string, ids: RegExpExecArray): AppUser | null {
  const [uid, gid] = [Number(ids[1]), Number(ids[2])]
  return uid > idMax || gid > idMax ? null : { name: text, uid, gid }
}

function named(name: string, passwd: string): AppUser | null {
  for (const line of passwd.split('\n')) {
    const [who, , uid = '', gid = ''] = line.split(':')
    if (who === name && /^\d+$/.test(uid) && /^\d+$/.test(gid)) {
      return { name, uid: Number(uid), gid: Number(gid) }
    }
  }
  return null
}
