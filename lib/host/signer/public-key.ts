import { OtaError, type Bytes } from '../../base/index.ts'
import { ed25519Key } from './agent.ts'

/**
 * The key in an OpenSSH public key file: `ssh-ed25519 BASE64 COMMENT`. `BAD_KEY` for another kind
 * of key: a statement is signed with plain Ed25519, which a security key's `sk-` kind is not.
 */
export function readSshPublicKey(line: string, what: string): Bytes {
  const [kind = '', base64 = ''] = line.trim().split(/\s+/)
  const key = ed25519Key(new Uint8Array(Buffer.from(base64, 'base64')))
  if (kind === 'ssh-ed25519' && key !== null) return key
  const has = /^[a-z0-9@.-]{1,64}$/.test(kind) ? `a key of kind ${kind}` : 'no OpenSSH public key'
  throw new OtaError('BAD_KEY', `${what} holds ${has}, need ssh-ed25519`, {
    hint: 'make one: ssh-keygen -t ed25519 -f FILE, then give --public FILE.pub'
  })
}
