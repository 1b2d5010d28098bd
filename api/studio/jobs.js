// The user's jobs, newest first. The address holds filters and page, so a reload finds them again.

import { listJobs, Problem } from './api.js'
import { hasEnded } from './cards.js'
import { field, h, write } from './dom.js'
import { pause } from './events.js'
import { age, dollars } from './format.js'
import { langOf, t } from './words.js'

const STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled']

/** `query` is what stands behind `#jobs?`, as the API has it. Returns what ends it. */
export function show(main, query) {
  const wish = new URLSearchParams(query)
  let cursor = wish.get('cursor')
  let current
  const status = h('select', { id: 'status', onchange: filter }, ['', ...STATUSES].map((value) => h('option', { value }, t(value || 'any'))))
  const deck = h('input', { id: 'of-deck', autocomplete: 'off', spellcheck: 'false', oninput: filter })
  const words = h('p.note', { role: 'status' }, t('loading'))
  const list = h('tbody')
  const titles = ['status', 'deck', 'cards', 'cost', 'age'].map((name) => h('th', { scope: 'col' }, t(name)))
  const table = h('table', { hidden: true, 'aria-label': t('jobs') }, h('thead', h('tr', titles)), list)
  const pages = h('p.acts')
  status.value = wish.get('status') ?? ''
  deck.value = wish.get('deckId') ?? ''
  main.append(h('section', h('h1', t('jobs')), h('div.filters acts', field(t('status'), status), field(t('deck'), deck)), words, table, pages))
  read(0)
  return () => current.abort()

  function filter() {
    cursor = ''
    history.replaceState(null, '', `#jobs?${asked(cursor)}`)
    read(300)
  }

  /** Once, and again while something on the page is under way. */
  async function read(afterMs) {
    current?.abort()
    const { signal } = (current = new AbortController())
    for (let ms = afterMs; ; ms = 4000) {
      if (ms) await pause(ms, signal)
      if (signal.aborted) return
      const answer = await listJobs(`limit=20&${asked(cursor)}`, signal).catch((problem) => problem)
      if (signal.aborted || answer.status === 401) return
      if (answer instanceof Problem) write(words, answer.message)
      else draw(answer)
      if (answer.jobs?.every((job) => hasEnded(job.status))) return
    }
  }

  function asked(cursor) {
    const fields = { status: status.value, deckId: deck.value.trim(), cursor }
    return new URLSearchParams(Object.entries(fields).filter(([, value]) => value))
  }

  function draw({ jobs, nextCursor }) {
    const focused = list.contains(document.activeElement) && document.activeElement.hash
    const link = (text, from) => h('a.soft', { href: `#jobs?${asked(from)}` }, text)
    write(words, jobs.length ? '' : t('none'))
    table.hidden = !jobs.length
    list.replaceChildren(...jobs.map(rowOf))
    if (focused) list.querySelector(`[href="${focused}"]`)?.focus()
    pages.replaceChildren(cursor ? link(`← ${t('newest')}`) : '', nextCursor ? link(`${t('older')} →`, nextCursor) : '')
  }
}

function rowOf({ id, deckId, status, processedCount: n, totalPhrases: max, cost, createdAt, errorMessage }) {
  return h('tr',
    h('td', h('span.status', { 'data-status': status }, t(status))),
    h('th', { scope: 'row' }, h('a', { href: `#watch/${id}` }, deckId ?? '–'), errorMessage && h('p.note', { lang: langOf(errorMessage) }, t(errorMessage))),
    h('td.of', h('progress', { max, value: n, 'aria-label': t('cards') }), `${n}/${max}`),
    h('td', dollars(cost.usd)),
    h('td', age(createdAt)))
}
