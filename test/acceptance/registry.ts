import { createHash } from 'node:crypto'

/** What people do with a Verdaccio: make an account, publish, look whether it is still there. */
export class Registry {
  readonly #base: string
  readonly #password = 'correct horse battery staple'

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`
  }

  /** Makes the account of a person, or proves who that is, and gives a token. */
  async login(name: string, how: 'new' | 'known'): Promise<string> {
    const proof = Buffer.from(`${name}:${this.#password}`).toString('base64')
    const body = { name, password: this.#password, type: 'user', roles: [] }
    const text = await this.#put(`/-/user/org.couchdb.user:${name}`, body, {
      ...(how === 'known' && { authorization: `Basic ${proof}` })
    })
    return (JSON.parse(text) as { readonly token: string }).token
  }

  /** Publishes version 1.0.0 of a package whose archive says its name. */
  async publish(name: string, token: string): Promise<void> {
    const version = '1.0.0'
    const file = `${name}-${version}.tgz`
    const archive = Buffer.from(archiveOf(name))
    const dist = {
      shasum: createHash('sha1').update(archive).digest('hex'),
      tarball: `${this.#base}/${name}/-/${file}`
    }
    const attachment = {
      content_type: 'application/octet-stream',
      data: archive.toString('base64'),
      length: archive.length
    }
    const body = {
      _id: name,
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { name, version, dist } },
      _attachments: { [file]: attachment }
    }
    await this.#put(`/${name}`, body, { authorization: `Bearer ${token}` })
  }

  /** The package is listed, and its archive is the one that was published. */
  async holds(name: string): Promise<boolean> {
    const listed = await fetch(`${this.#base}/${name}`)
    const archive = await fetch(`${this.#base}/${name}/-/${name}-1.0.0.tgz`)
    await listed.arrayBuffer()
    return listed.ok && archive.ok && (await archive.text()) === archiveOf(name)
  }

  /** Asks whether it is there. */
  async ping(): Promise<boolean> {
    const answer = await fetch(`${this.#base}/-/ping`)
    await answer.arrayBuffer()
    return answer.ok
  }

  async #put(path: string, body: object, more: Readonly<Record<string, string>>): Promise<string> {
    const answer = await fetch(`${this.#base}${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...more },
      body: JSON.stringify(body)
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${text.slice(0, 200)}`)
    return text
  }
}

function archiveOf(name: string): string {
  return `the archive of ${name}\n`
}
