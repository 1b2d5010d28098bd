// Cards that are made anew, each by a small job of its own; a reload finds them again.

import { generate, newKey, Problem, readJob } from './api.js'
import { announce } from './dom.js'
import { follow } from './events.js'
import { recall, remember } from './session.js'
import { t } from './words.js'

/** What begins a remake of a phrase, for the cards of a job; those that were under way are followed at once. */
export function remaker({ id, deckId }, card, signal) {
  const running = { __proto__: null, ...recall(`remakes ${id}`) } // a card may be called __proto__
  Object.keys(running).forEach(watch)
  return make

  async function make(phrase) {
    const { cardId } = phrase
    await told(cardId, async () => {
      running[cardId] = await generate({ deckId, phrases: [phrase], regenerate: true }, newKey())
      remember(`remakes ${id}`, running)
      await outcome(cardId)
    })
  }

  function watch(cardId) {
    told(cardId, () => outcome(cardId))
  }

  /** The card shows that it is in work, and what came of it. */
  async function told(cardId, work) {
    card(cardId)?.say('')
    card(cardId)?.know({ remaking: true })
    try {
      await work()
    } catch (problem) {
      if (!signal.aborted && !(problem instanceof Problem)) throw problem
      card(cardId)?.say(problem.message)
    }
    if (signal.aborted) return
    card(cardId)?.know({ remaking: false })
    delete running[cardId]
    remember(`remakes ${id}`, running)
  }

  async function outcome(cardId) {
    let job
    await follow(running[cardId], { end: (ended) => (job = ended), lost() {} }, signal)
    const { clips } = await readJob(running[cardId], signal)
    const [entry] = job.resultUrls
    if (job.status !== 'completed') return card(cardId).say(entry?.error ?? job.errorMessage ?? t(job.status))
    card(cardId).know({ entry, clips })
    for (const side of card(cardId).sides) side.renew() // its audio is at the old address
    announce(t('remade', { id: cardId }))
  }
}
