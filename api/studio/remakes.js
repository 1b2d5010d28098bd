// Cards that are made anew, each by a small job of its own; a reload finds them again.

import { generate, newKey, Problem, readJob } from './api.js'
import { announce } from './dom.js'
import { follow } from './events.js'
import { recall, remember } from './session.js'
import { t } from './words.js'

/** What begins a remake of a phrase; those that were under way are followed at once. */
export function remaker({ id, deckId }, cardOf, signal) {
  const running = { __proto__: null, ...recall(`remakes ${id}`) } // a card may be called __proto__
  Object.keys(running).forEach((cardId) => told(cardId, () => {}))
  return (phrase) => told(phrase.cardId, async () => (running[phrase.cardId] = await generate({ deckId, phrases: [phrase], regenerate: true }, newKey())))

  /** The card shows that it is in work, and what came of it. */
  async function told(cardId, begin) {
    const card = cardOf(cardId)
    card.say('')
    card.know({ remaking: true })
    try {
      await begin()
      remember(`remakes ${id}`, running)
      await outcome(card, cardId)
    } catch (problem) {
      if (!signal.aborted && !(problem instanceof Problem)) throw problem
      card.say(problem.message)
    }
    if (signal.aborted) return
    card.know({ remaking: false })
    delete running[cardId]
    remember(`remakes ${id}`, running)
  }

  async function outcome(card, cardId) {
    let job
    await follow(running[cardId], { end: (ended) => (job = ended) }, signal)
    const { clips } = await readJob(running[cardId], signal)
    const [entry] = job.resultUrls
    if (job.status !== 'completed') return card.say(t(entry?.error ?? job.errorMessage ?? job.status))
    card.know({ entry, clips })
    announce(t('remade', { id: cardId }))
  }
}
