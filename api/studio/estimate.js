// What a job would cost, while its phrases are still being typed: the newest wish counts, and an older one is given up.

import { estimate, Problem } from './api.js'
import { faultsOf, faultsOfApi, MOST_ROWS, phraseOf } from './rows.js'

/** Tells `{faults, good, found, problem}` some moments after the last `ask`; what is not known is missing. */
export function estimator(tell) {
  let timer
  let current = new AbortController()
  return { ask, stop }

  function ask(wish) {
    stop()
    const { signal } = (current = new AbortController())
    timer = setTimeout(() => price(wish, signal).then((answer) => signal.aborted || tell(answer), (error) => signal.aborted || reportError(error)), 300)
  }

  function stop() {
    clearTimeout(timer)
    current.abort()
  }
}

async function price({ deckId, rows, regenerate }, signal) {
  const faults = faultsOf(rows)
  // Twice: without those that only the API finds bad, the others have a price too.
  for (let round = 1; ; round++) {
    const sent = [...rows.keys()].filter((at) => !faults.has(at))
    const answer = { faults, good: sent.length }
    if (!deckId || !sent.length || rows.length > MOST_ROWS || !navigator.onLine) return answer
    try {
      return { ...answer, found: await estimate({ deckId, phrases: sent.map((at) => phraseOf(rows[at])), regenerate }, signal) }
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      if (!problem.errors.length || round > 1) return { ...answer, problem }
      for (const [at, fault] of faultsOfApi(problem.errors, sent)) faults.set(at, fault)
    }
  }
}
