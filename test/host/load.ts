import { Agent, get } from 'node:http'

export interface Load {
  readonly sent: () => number
  readonly lost: () => number
  /** Answers by body. */
  readonly answers: ReadonlyMap<string, number>
  stop(): Promise<void>
}

/**
 * How long a kept connection may rest before its client lets it go: half of the shortest linger of
 * the apps here. Nobody can promise anything to a client that uses one again at the very moment at
 * which its server, after the linger, closes it (docs/node.md).
 */
const restMs = 100

/**
 * Steady requests to a port, half of them on fresh connections and half on kept ones, or all of
 * them on fresh ones.
 */
export function startLoad(port: number, everyMs = 10, keeps = true): Load {
  const kept = new Agent({ keepAlive: true, maxSockets: 4, scheduling: 'fifo', timeout: restMs })
  const answers = new Map<string, number>()
  const open = new Set<Promise<void>>()
  let [sent, lost] = [0, 0]
  const timer = setInterval(() => {
    sent++
    const agent = keeps && sent % 2 === 0 ? kept : false
    const one = ask(port, agent).then(
      (body) => void answers.set(body, (answers.get(body) ?? 0) + 1),
      () => void lost++
    )
    const tracked = one.finally(() => open.delete(tracked))
    open.add(tracked)
  }, everyMs)
  return {
    sent: () => sent,
    lost: () => lost,
    answers,
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      kept.destroy()
    }
  }
}

/** One request; rejects for a broken connection and any status but 200. */
export async function ask(port: number, agent: Agent | false = false): Promise<string> {
  return await new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent, path: '/' }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(`status ${response.statusCode}`))
      })
      response.on('error', reject)
    }).on('error', reject)
  })
}
