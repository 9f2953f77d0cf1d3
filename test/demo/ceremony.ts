import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publish, type Final, type Person } from './proc.ts'
import type { Shipped } from './releases.ts'

/** Three signers, each with keys and a store of their own; files travel between them. */
export class Ceremony {
  readonly #desk: string
  readonly #people: readonly Person[]
  readonly #network: readonly string[]
  #join = ''
  #releases = 0
  #nodes = 0

  private constructor(desk: string, people: readonly Person[], network: readonly string[]) {
    this.#desk = desk
    this.#people = people
    this.#network = network
  }

  /** Makes three key pairs and the network: any two may release, any one may brake. */
  static async found(root: string, bootstrap: string): Promise<Ceremony> {
    const desk = join(root, 'desk')
    await mkdir(desk)
    const people = ['a', 'b', 'c'].map((name) => ({
      home: join(root, `signer-${name}`),
      passphrase: `demo pass phrase of signer-${name}`
    }))
    for (const person of people) await mkdir(person.home)
    const network = ['--bootstrap', bootstrap, '--host', '127.0.0.1']
    const ceremony = new Ceremony(desk, people, network)
    await ceremony.#makeNetwork()
    return ceremony
  }

  get join(): string {
    return this.#join
  }

  get inviteFile(): string {
    return join(this.#desk, 'demo.invite')
  }

  get publisher(): Person {
    return this.person(0)
  }

  /** A file on the desk: `r1.req` is the first release, `signer-a.card` the card of a signer. */
  file(name: string): string {
    return join(this.#desk, name)
  }

  /** Flags by which a command finds the network. */
  get network(): readonly string[] {
    return this.#network
  }

  /** Pack, propose, sign by two of three, commit; returns the release id. */
  async release(
    shipped: Shipped,
    options: { readonly plan: object; readonly seeds: number }
  ): Promise<string> {
    const name = join(this.#desk, `r${++this.#releases}`)
    const planFile = `${name}.plan.json`
    await writeFile(planFile, JSON.stringify(options.plan, null, 2))
    await publish(this.person(0), ['pack', shipped.folder, '-o', `${name}.pack`])
    const kind = ['--channel', 'stable', '--kind', 'code', '--label', shipped.label]
    const fleet = options.seeds === 0 ? [] : ['--nodes', String(this.#nodes)]
    const plan = ['--plan', planFile, ...fleet]
    const propose = ['propose', `${name}.pack`, ...kind, ...plan, '-o', `${name}.req`]
    await publish(this.person(0), propose)
    for (const [index, letter] of ['a', 'b'].entries()) {
      await this.#sign(index, `${name}.req`, `${name}.${letter}.sig`, ['--build', shipped.folder])
    }
    const copies = options.seeds === 0 ? ['--alone'] : ['--seeds', String(options.seeds)]
    const commit = ['commit', `${name}.req`, `${name}.a.sig`, `${name}.b.sig`, ...copies]
    const final = await publish(this.person(0), [...commit, '--timeout', '60s', ...this.#network])
    return textOf(final, 'release')
  }

  async #makeNetwork(): Promise<void> {
    const cards: string[] = []
    for (const [index, letter] of ['a', 'b', 'c'].entries()) {
      const label = `signer-${letter}`
      const card = join(this.#desk, `${label}.card`)
      const keys = ['keys', 'new', '--label', label, '--passphrase-fd', '3', '-o', card]
      await publish(this.person(index), keys)
      cards.push('--card', card)
    }
    const t1 = join(this.#desk, 't1')
    const enroller = ['--enroller', join(this.#desk, 'signer-a.card')]
    const roles = ['--root', '2', '--release', '2', '--brake', '1', ...enroller]
    await publish(this.person(0), ['init', '--name', 'demo', ...cards, ...roles, '-o', `${t1}.req`])
    const answers: string[] = []
    for (const [index, letter] of ['a', 'b', 'c'].entries()) {
      await this.#sign(index, `${t1}.req`, `${t1}.${letter}.sig`, [])
      answers.push(`${t1}.${letter}.sig`)
    }
    const commit = ['commit', `${t1}.req`, ...answers, '--alone', ...this.#network]
    const final = await publish(this.person(0), commit)
    this.#join = textOf(final, 'join')
    await publish(this.person(1), ['join', this.#join, '--timeout', '1s', ...this.#network])
  }

  async #sign(
    index: number,
    request: string,
    answer: string,
    more: readonly string[]
  ): Promise<void> {
    const label = `signer-${'abc'[index] ?? ''}`
    const key = ['--key', label, '--passphrase-fd', '3']
    await publish(this.person(index), ['sign', request, ...key, ...more, '-o', answer])
  }

  async invite(slots: number): Promise<void> {
    this.#nodes = slots
    const key = ['--key', 'signer-a', '--passphrase-fd', '3']
    const labels = ['--slots', String(slots), '--label', 'operator=demo']
    await publish(this.person(0), ['invite', ...labels, ...key, '-o', this.inviteFile])
    await readFile(this.inviteFile)
  }

  /** Signers a, b and c by index. */
  person(index: number): Person {
    const person = this.#people[index]
    if (person === undefined) throw new Error(`there is no signer ${index}`)
    return person
  }
}

function textOf(final: Final, name: string): string {
  const value = final.data[name]
  if (typeof value !== 'string') throw new Error(`the command printed no "${name}"`)
  return value
}
