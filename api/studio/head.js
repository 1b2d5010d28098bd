// The head of a job: whose deck, how far, how long still, what it cost, and what can be done about it.

import { hasEnded } from './cards.js'
import { announce, button, h, write } from './dom.js'
import { dollars, duration } from './format.js'
import { t } from './words.js'

export function jobHead({ cancel, retry }) {
  const title = h('h1', '…')
  const status = h('span.status')
  const bar = h('progress', { 'aria-label': t('cards') })
  const count = h('strong')
  const rest = h('span')
  const error = h('p.why', { hidden: true })
  const words = h('p.why', { role: 'alert', hidden: true })
  const connection = h('p.banner', { role: 'status', hidden: true })
  const stop = button('soft', t('cancel'), cancel)
  const again = button('go', t('retry'), retry)
  let facts = ''
  let left = ''
  let began
  let said
  let saidAt = 0
  stop.hidden = again.hidden = true
  return {
    element: h('header.head', h('div.name', title, status, h('div.acts', stop, again)), bar, h('p.far', count, rest), error, connection, words),
    detail, state,
    lost: (is) => write(connection, is && navigator.onLine ? t('lost') : ''), // the page tells of the rest
    say: (text) => write(words, text),
    busy: (is) => (stop.disabled = again.disabled = is)
  }

  function detail({ id, deckId, cost }) {
    const made = [cost.clipsMade && t('made', { n: cost.clipsMade }), cost.clipsCached && t('fromCache', { n: cost.clipsCached }), dollars(cost.usd)]
    title.title = t('job', { id })
    write(title, deckId ?? '–')
    facts = made.filter(Boolean).join(' · ')
    showRest()
  }

  function state({ status: name, processedCount: n, totalPhrases: total, errorMessage }, entries) {
    const isOver = hasEnded(name)
    const speaking = [...entries.values()].filter((entry) => entry.audioUrlEn || entry.audioUrlFr).length
    Object.assign(bar, { max: total, value: n })
    status.dataset.status = name
    write(status, t(name))
    write(count, t('speak', { n: speaking, total }))
    write(error, errorMessage ?? '')
    error.classList.toggle('waits', !isOver)
    stop.hidden = isOver
    again.hidden = !['failed', 'cancelled'].includes(name)
    document.title = `${speaking}/${total} · Studio`
    left = isOver ? '' : timeLeft(n, total)
    showRest()
    const news = `${t(name)}: ${count.textContent}`
    if (news === said || (!isOver && Date.now() - saidAt < 5000)) return
    ;[said, saidAt] = [news, Date.now()]
    announce(news)
  }

  function showRest() {
    write(rest, [left, facts].filter(Boolean).map((fact) => `\u00a0· ${fact}`).join(''))
  }

  /** From what this page has seen: no clock but its own. */
  function timeLeft(n, total) {
    if (!began || n < began.n) began = { n, at: Date.now() }
    const seconds = (Date.now() - began.at) / 1000 / (n - began.n)
    return n > began.n ? t('left', { time: duration(seconds * (total - n)) }) : ''
  }
}
