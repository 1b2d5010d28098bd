// The user's jobs, newest first. The address holds filters and page, so a reload finds them again.

import { listJobs, Problem } from './api.js'
import { hasEnded } from './cards.js'
import { field, h, label, write } from './dom.js'
import { pause } from './events.js'
import { age, dollars, moment } from './format.js'
import { t } from './words.js'

const STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled']

/** Shows the view; `query` is what stands behind `#jobs?`. Returns what ends it. */
export function show(main, query) {
  const wish = new URLSearchParams(query)
  let trail = wish.getAll('after') // a cursor for each page that was turned
  let current = new AbortController()
  const status = h('select', { id: 'status', onchange: filter }, h('option', { value: '' }, t('any')), STATUSES.map((name) => h('option', { value: name }, t(name))))
  const deck = h('input', { id: 'of-deck', autocomplete: 'off', spellcheck: 'false', placeholder: t('allDecks'), oninput: filter })
  const words = h('p.note', { role: 'status' }, t('loading'))
  const list = h('tbody')
  const titles = ['status', 'deck', 'cards', 'cost', 'age'].map((name) => h('th', { scope: 'col' }, t(name)))
  const table = h('table', { hidden: true, 'aria-label': t('jobs') }, h('thead', h('tr', titles)), list)
  const pages = h('nav.pages')
  status.value = wish.get('status') ?? ''
  deck.value = wish.get('deck') ?? ''
  main.append(h('section', h('h1', t('jobs')), h('div.filters', field(t('status'), status), field(t('deck'), deck)), words, table, pages))
  read(0)
  return () => current.abort()

  function filter() {
    trail = []
    history.replaceState(null, '', addressOf(trail))
    read(300)
  }

  /** Once, and again and again while something on the page is still under way. */
  async function read(afterMs) {
    current.abort()
    const { signal } = (current = new AbortController())
    for (let ms = afterMs; ; ms = 4000) {
      if (ms) await pause(ms, signal)
      if (signal.aborted) return
      const asked = { deckId: deck.value.trim(), status: status.value, limit: 20, cursor: trail.at(-1) }
      const answer = await listJobs(queryOf(asked), signal).catch((problem) => problem)
      if (signal.aborted || answer.status === 401) return
      if (answer instanceof Problem) write(words, answer.message)
      else draw(answer)
      if (answer.jobs?.every((job) => hasEnded(job.status))) return
    }
  }

  function addressOf(cursors) {
    return `#jobs?${[queryOf({ status: status.value, deck: deck.value.trim() }), ...cursors.map((cursor) => `after=${cursor}`)].join('&')}`
  }

  function draw({ jobs, nextCursor }) {
    const focused = list.contains(document.activeElement) && document.activeElement.hash
    const link = (cursors, text) => h('a.soft', { href: addressOf(cursors) }, text)
    write(words, jobs.length ? '' : t('none'))
    table.hidden = !jobs.length
    list.replaceChildren(...jobs.map(rowOf))
    if (focused) list.querySelector(`[href="${focused}"]`)?.focus()
    label(pages, t('page', { n: trail.length + 1 }))
    pages.replaceChildren(...[trail.length && link(trail.slice(0, -1), `← ${t('newer')}`), (trail.length || nextCursor) && h('span', pages.title), nextCursor && link([...trail, nextCursor], `${t('older')} →`)].filter(Boolean))
  }
}

const queryOf = (fields) => new URLSearchParams(Object.entries(fields).filter(([, value]) => value))

function rowOf({ id, deckId, status, processedCount: n, totalPhrases: max, cost, createdAt, errorMessage }) {
  return h('tr',
    h('td', h('span.status', { 'data-status': status }, t(status))),
    h('th', { scope: 'row' }, h('a', { href: `#watch/${id}`, title: t('job', { id }) }, deckId ?? '–'), errorMessage && h('span.reason note', { lang: 'en' }, errorMessage)),
    h('td.of', h('progress', { max, value: n, 'aria-label': t('cards') }), `${n}/${max}`),
    h('td', dollars(cost.usd)),
    h('td', h('time', { datetime: createdAt, title: moment(createdAt) }, age(createdAt))))
}
