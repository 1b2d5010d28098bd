// The view in which a job's cards get their sound.

import { cancel, Problem, readJob, retry } from './api.js'
import { cardList, hasEnded, player } from './cards.js'
import { announce, button, h, write } from './dom.js'
import { follow, pause } from './events.js'
import { dollars, duration } from './format.js'
import { remaker } from './remakes.js'
import { recall, remember } from './session.js'
import { langOf, language, t } from './words.js'

/** Shows a job, or the one that was looked at last. Returns what ends it. */
export function show(main, id) {
  const jobId = id || recall('watched')
  const over = new AbortController()
  const { signal } = over
  const entries = new Map()
  const head = headOf(() => act(cancel), () => act(retry))
  const body = h('div', h('p.note', t('loading')))
  let now, cards, isStale, isReading
  if (!jobId) return void nothing(main, t('none'))
  remember('watched', jobId)
  main.append(head.element, body)
  watch()
  return () => (over.abort(), player.clear())

  function watch() {
    const all = (job) => (entries.clear(), tell(job, job.resultUrls))
    follow(jobId, { snapshot: all, progress: (news) => tell(news, news.cards), end: all }, signal).catch(failed)
  }

  function tell(news, finished) {
    for (const entry of finished) entries.set(entry.cardId, entry)
    now = news
    showState()
    if (finished.length || !cards) read()
  }

  function showState() {
    head.state(now, entries)
    cards?.state(entries, now.status)
  }

  /** The job in full, but not for every card. */
  async function read() {
    isStale = true
    if (isReading) return
    isReading = true
    while (isStale && !signal.aborted) {
      isStale = false
      await readJob(jobId, signal).then(detail, () => (isStale = true))
      await pause(2000, signal)
    }
    isReading = false
  }

  function detail(job) {
    if (!cards) {
      let remake
      cards = cardList(job.phrases, (phrase) => remake(phrase))
      body.replaceChildren(playerBar(), cards.element)
      player.onchange()
      remake = remaker(job, cards.card, signal)
    }
    head.detail(job)
    cards.detail(job.clips)
    showState()
  }

  async function act(what) {
    head.say('')
    await what(jobId).then(() => what === retry && watch(), failed)
  }

  function failed(problem) {
    if (!(problem instanceof Problem)) throw problem
    if (problem.status === 404) remember('watched', null), nothing(main, problem.message)
    else head.say(problem.message)
  }
}

function nothing(main, why) {
  main.replaceChildren(h('section.door', h('h1', t('watch')), h('p.note', { role: 'alert' }, why), h('a.soft', { href: '#jobs' }, t('jobs'))))
}

/** Whose deck, how far, how long still, what it cost, and what can be done about it. */
function headOf(onstop, onretry) {
  const title = h('h1', '…')
  const status = h('span.status')
  const bar = h('progress', { 'aria-label': t('cards') })
  const count = h('strong')
  const left = h('span')
  const price = h('span')
  const error = h('p.why', { hidden: true })
  const words = h('p.why', { role: 'alert', hidden: true })
  const stop = button('soft', t('cancel'), onstop)
  const again = button('go', t('retry'), onretry)
  let began, said, saidAt
  stop.hidden = again.hidden = true
  return {
    element: h('header.head', h('div.acts', title, status, stop, again), bar, h('p.far', count, left, price), error, words),
    detail, state,
    say: (text) => write(words, text)
  }

  function detail({ deckId, cost }) {
    write(title, deckId ?? '–')
    write(price, ` · ${dollars(cost.usd)}`)
  }

  function state({ status: name, processedCount: n, totalPhrases: total, errorMessage }, entries) {
    const isOver = hasEnded(name)
    const speaking = [...entries.values()].filter((entry) => entry.audioUrlEn || entry.audioUrlFr).length
    Object.assign(bar, { max: total, value: n })
    status.dataset.status = name
    write(status, t(name))
    write(count, t('speak', { n: speaking, total }))
    write(left, isOver ? '' : timeLeft(n, total))
    write(error, t(errorMessage ?? ''))
    error.lang = langOf(errorMessage)
    const isHere = [stop, again].includes(document.activeElement)
    stop.hidden = isOver
    again.hidden = !['failed', 'cancelled'].includes(name)
    if (isHere) (isOver ? again : stop).focus() // it may have changed places
    document.title = `${speaking}/${total} · Studio`
    // Who listens hears of the end, and now and then of the way there.
    const news = `${t(name)}: ${count.textContent}`
    if (news === said || (!isOver && Date.now() - saidAt < 10_000)) return
    saidAt = Date.now()
    announce((said = news))
  }

  function timeLeft(n, total) {
    if (!began || n < began.n) began = { n, at: Date.now() }
    const seconds = (Date.now() - began.at) / 1000 / (n - began.n)
    return n > began.n ? ` · ${t('left', { time: duration(seconds * (total - n)) })}` : ''
  }
}

function playerBar() {
  const speed = button('soft', '', player.nextSpeed)
  player.onchange = () => write(speed, `${t('speed')} ${player.speed.toLocaleString(language())}×`)
  return h('div.acts', speed, h('p.note keys', t('keys')))
}
