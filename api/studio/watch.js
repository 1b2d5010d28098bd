// The view in which a job's cards fill with sound.

import { cancel, Problem, readJob, retry } from './api.js'
import { cardGrid } from './cards.js'
import { button, h, write } from './dom.js'
import { follow, pause } from './events.js'
import { jobHead } from './head.js'
import { player, SPEEDS } from './player.js'
import { remaker } from './remakes.js'
import { recall, remember } from './session.js'
import { t } from './words.js'

const DETAIL_EVERY_MS = 2000

/** Shows the view of a job, or of the one that was looked at last. Returns what ends it. */
export function show(main, id) {
  const jobId = id || recall('watched')
  const over = new AbortController()
  const { signal } = over
  const entries = new Map()
  const head = jobHead({ cancel: () => act(cancel), retry: () => act(retry) })
  const body = h('div', h('p.note', t('loading')))
  let now = null
  let grid = null
  let isStale = false
  let isReading = false
  if (!jobId) return void nothing(main, t('noneYet'))
  remember('watched', jobId)
  main.append(h('section', head.element, body))
  watch()
  return () => (over.abort(), player.clear())

  function watch() {
    const all = (job) => (entries.clear(), tell(job, job.resultUrls))
    follow(jobId, { snapshot: all, progress: (news) => tell(news, news.cards), end: all, lost: head.lost }, signal).catch(failed)
  }

  function tell(news, cards) {
    for (const entry of cards) entries.set(entry.cardId, entry)
    now = news
    show()
    if (cards.length || !grid) read()
  }

  function show() {
    head.state(now, entries)
    grid?.state(entries, now.status)
    player.onchange()
  }

  /** The job in full follows, but not with every card. */
  async function read() {
    isStale = true
    if (isReading) return
    isReading = true
    while (isStale && !signal.aborted) {
      isStale = false
      await readJob(jobId, signal).then(detail, () => (isStale = true))
      await pause(DETAIL_EVERY_MS, signal)
    }
    isReading = false
  }

  function detail(job) {
    if (!grid) {
      let remake
      grid = cardGrid(job.phrases, (phrase) => remake(phrase))
      body.replaceChildren(playerBar(grid), grid.element)
      remake = remaker(job, grid.card, signal)
    }
    head.detail(job)
    grid.detail(job.clips)
    show()
  }

  async function act(what) {
    head.say('')
    head.busy(true)
    try {
      await what(jobId)
      if (what === retry) watch()
    } catch (problem) {
      failed(problem)
    }
    head.busy(false)
  }

  function failed(problem) {
    if (!(problem instanceof Problem)) throw problem
    if (problem.status === 404) remember('watched', null), nothing(main, problem.message)
    else head.say(problem.message)
  }
}

/** In the place of a job that is not there: why, and the way to those that are. */
function nothing(main, why) {
  main.replaceChildren(h('section.door', h('h1', t('watch')), h('p.note', { role: 'alert' }, why), h('p', h('a.soft', { href: '#jobs' }, t('jobs')))))
}

/** Above the cards: all of it in a row, and how fast. */
function playerBar(grid) {
  const all = button('soft', '', () => (player.queue.length ? player.stop() : player.play(...first(grid.playable()))))
  const speeds = SPEEDS.map((speed) => h('input.unseen', { type: 'radio', name: 'speed', id: `speed-${speed}`, onchange: () => player.setSpeed(speed) }))
  player.onchange = () => {
    write(all, t(player.queue.length ? 'stop' : 'all'))
    all.disabled = !grid.playable().length
    speeds[SPEEDS.indexOf(player.speed)].checked = true
  }
  return h('div.player', all, h('fieldset.speeds', h('legend', t('speed')), speeds.map((input, at) => [input, h('label', { for: input.id }, `${SPEEDS[at].toLocaleString(document.documentElement.lang)}×`)])), h('p.note keys', t('keys')))
}

const first = ([side, ...others]) => [side, others]
