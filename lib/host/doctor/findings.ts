import { relative } from 'node:path'
import type { MachineFacts, ModeFact } from './examine.ts'

/** One thing that was looked at, in words, and what to do about it. */
export interface Finding {
  readonly id: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly text: string
  /** The next action; null where there is none. */
  readonly next: string | null
}

/** What the operator insists on; what is insisted on and not there is a fault. */
export interface Insisted {
  readonly shadow: 'off' | 'prefer' | 'require'
  readonly phoneHome: 'off' | 'prefer' | 'require'
  /** `[app] user`. */
  readonly user: string | null
}

const openFilesGood = 4_096
const openFilesLeast = 1_024

/** Judges a machine and a home, each thing by itself, in a fixed order. */
export function judgeMachine(facts: MachineFacts, insisted: Insisted): readonly Finding[] {
  return [
    modes(facts),
    space(facts),
    jail(facts, insisted),
    egress(facts, insisted),
    snapshot(facts),
    isolation(facts, insisted),
    limits(facts),
    service(facts),
    openFiles(facts),
    previous(facts)
  ]
}

export function finding(
  id: string,
  state: Finding['state'],
  text: string,
  next: string | null = null
): Finding {
  return { id, state, text, next }
}

function modes({ modes: found, home, uid }: MachineFacts): Finding {
  const bad = found.map((one) => ({ one, fault: modeFault(one, uid) })).find(({ fault }) => fault)
  if (bad === undefined) return finding('modes', 'ok', 'keys and folders are the owner’s alone')
  const name = relative(home, bad.one.path) || 'the home'
  const mode = bad.one.needs === 'own' ? 'go-rwx' : 'go-w'
  return finding('modes', 'fail', `${name} ${bad.fault}`, `run: chmod ${mode} ${bad.one.path}`)
}

function modeFault({ kind, mode, needs, uid }: ModeFact, own: number): string | null {
  if (kind === 'link') return 'is a link, and its target could be anything'
  if (uid !== own && uid !== 0 && own !== 0) return `belongs to user ${uid}`
  if (needs === 'own' && (mode & 0o077) !== 0) return `is open to others (${mode.toString(8)})`
  return (mode & 0o022) === 0 ? null : `may be written by others (${mode.toString(8)})`
}

function space({ space: { freeBytes, needBytes }, home }: MachineFacts): Finding {
  const text = `${megabytes(freeBytes)} free, the next install needs about ${megabytes(needBytes)}`
  if (freeBytes >= 2 * needBytes) return finding('space', 'ok', text)
  const state = freeBytes >= needBytes ? 'warn' : 'fail'
  return finding('space', state, text, `free some on the disk of ${home}`)
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`
}

function jail({ capabilities: { jail: found, why } }: MachineFacts, wants: Insisted): Finding {
  if (found !== null)
    return finding('jail', 'ok', `new versions are tried in a jail (${found.kind})`)
  const text = `no jail: ${why === '' ? 'none can be made here' : why}`
  if (wants.shadow === 'off') return finding('jail', 'ok', `${text}; shadow is off`)
  const next = 'allow user namespaces, or install bubblewrap and util-linux'
  return finding('jail', wants.shadow === 'require' ? 'fail' : 'warn', text, next)
}

function egress({ capabilities: { has } }: MachineFacts, wants: Insisted): Finding {
  if (has['netwatch-full']) {
    return finding('egress', 'ok', 'what a new version tries to reach is named')
  }
  const next = 'allow network namespaces and packet sockets in them'
  if (has['netwatch-count']) {
    return finding(
      'egress',
      'warn',
      'what a new version tries to reach is counted, not named',
      next
    )
  }
  if (wants.phoneHome === 'off') return finding('egress', 'ok', 'not looked at: phoneHome is off')
  const state = wants.phoneHome === 'require' ? 'fail' : 'warn'
  return finding('egress', state, 'nobody sees what a new version tries to reach', next)
}

function snapshot({ capabilities: { has } }: MachineFacts): Finding {
  if (has.reflink)
    return finding('snapshot', 'ok', 'a copy of the state shares its blocks (reflink)')
  if (has['overlay-userns']) {
    return finding('snapshot', 'ok', 'a copy of the state is a layer over it (overlay)')
  }
  const next = 'put the home on XFS or btrfs, where copies cost nothing'
  return finding('snapshot', 'warn', 'a copy of the state is a whole copy: time and space', next)
}

function isolation({ means }: MachineFacts, { user }: Insisted): Finding {
  if (user !== null && means.isRoot) {
    const rights = means.setpriv === null ? '' : ', and can gain no rights'
    return finding('isolation', 'ok', `the app runs as ${user}${rights}`)
  }
  const text = 'isolation: none, the app is the same user as the daemon and can read its keys'
  const next = means.isRoot
    ? 'set [app] user to a user of its own: useradd --system --no-create-home NAME'
    : 'run the launcher as root and set [app] user'
  return finding('isolation', 'warn', text, next)
}

function limits({ means, isGrouped }: MachineFacts): Finding {
  if (isGrouped) return finding('limits', 'ok', 'limits are held by a control group')
  if (means.prlimit !== null) {
    const text = 'limits are held by prlimit: memory for each process by itself'
    return finding('limits', 'ok', text)
  }
  return finding('limits', 'warn', 'nothing holds limits of memory here', 'install util-linux')
}

function service({ systemd, launcherPid, home }: MachineFacts): Finding {
  if (systemd.unit !== null) return finding('service', 'ok', `${systemd.unit} starts this home`)
  const by = launcherPid === null ? '' : `, process ${launcherPid} runs it`
  const text = `no service starts this home after a reboot${by}`
  const next = systemd.runs
    ? `run: ota-node install --home ${home}`
    : `no systemd here: let this machine run at its start: ota-node run --home ${home}`
  return finding('service', 'warn', text, next)
}

function openFiles({ openFiles: value }: MachineFacts): Finding {
  if (value === null) return finding('open-files', 'ok', 'no limit of open files')
  const text = `${value} open files at most`
  if (value >= openFilesGood) return finding('open-files', 'ok', text)
  const state = value >= openFilesLeast ? 'warn' : 'fail'
  return finding('open-files', state, text, 'raise it: LimitNOFILE=65536 in the unit, or ulimit -n')
}

function previous({ previous: found, running }: MachineFacts): Finding {
  if (running === null) return finding('way-back', 'ok', 'nothing is installed yet')
  if (found === null) {
    return finding('way-back', 'ok', 'no version before the one that runs is kept')
  }
  const name = found.release.slice(0, 8)
  if (found.fault === null)
    return finding('way-back', 'ok', `the version before, ${name}, can start`)
  const text = `the version before, ${name}, cannot start: ${found.fault}`
  return finding('way-back', 'fail', text, 'a failure of what runs has no way back: look at it now')
}
