// A job's Server-Sent Events, by fetch: EventSource cannot send a token.

import { events } from './api.js'
import { lost } from './dom.js'

/** Tells `snapshot`, `progress` and `end`; returns after the end. Raises Problem where trying again is in vain. */
export async function follow(jobId, told, signal) {
  for (let tries = 0; !signal.aborted; tries++) {
    const cut = new AbortController()
    const end = () => cut.abort()
    signal.addEventListener('abort', end, { signal: cut.signal })
    addEventListener('offline', end, { signal: cut.signal }) // sooner than the browser finds out
    try {
      for await (const { event, data } of read(await events(jobId, cut.signal))) {
        if (!event) continue
        lost(false)
        tries = 0
        told[event]?.(JSON.parse(data))
        if (event === 'end') return
      }
    } catch (error) {
      if (!signal.aborted && [401, 403, 404].includes(error.status)) throw error
    } finally {
      end()
    }
    if (!signal.aborted) lost(true)
    await pause(Math.min(2000 * 1.5 ** tries, 15_000), signal)
  }
}

async function* read(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  for (let text = '', part; !(part = await reader.read()).done; ) {
    const blocks = (text + part.value).split('\n\n')
    text = blocks.pop()
    for (const block of blocks) yield Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2)))
  }
}

/** Some time, and until there is a network; when given up, not a moment more. */
export const pause = (ms, signal) =>
  new Promise((resolve) => {
    const done = new AbortController()
    const end = () => (clearTimeout(timer), done.abort(), resolve())
    const timer = setTimeout(() => navigator.onLine && end(), ms)
    addEventListener('online', end, { signal: done.signal })
    signal.addEventListener('abort', end, { signal: done.signal })
    if (signal.aborted) end()
  })
