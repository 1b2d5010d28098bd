// The view in which a deck's phrases become a job.

import { estimate, generate, newKey, Problem } from './api.js'
import { announce, button, field, h, write } from './dom.js'
import { dollars, duration } from './format.js'
import { phraseTable } from './phrases.js'
import { decode, faultsOf, faultsOfApi, MOST_ROWS, phraseOf, readRows } from './rows.js'
import { recall, remember } from './session.js'
import { langOf, t } from './words.js'

/** `go` is called with the id of the job. Returns what ends it. */
export function show(main, go) {
  const over = new AbortController()
  const draft = { deckId: '', rows: [], regenerate: false, key: null, ...recall('draft') }
  let faults = new Map()
  let asked, failed
  const deck = h('input', { id: 'deck', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', 'aria-describedby': 'deck-why', oninput: changed })
  const deckWhy = h('p.why', { id: 'deck-why', hidden: true })
  const table = phraseTable(changed, fill)
  const file = h('input.unseen', { type: 'file', id: 'file', accept: '.csv,.tsv,.txt,text/csv', onclick: () => (file.value = ''), onchange: () => readFile(file.files[0]) })
  const clear = button('link', t('clear'), () => (fill([]), deck.focus()))
  const note = h('p.note', { role: 'status', hidden: true })
  const figures = ['clips', 'cached', 'price', 'time'].map((name) => h('dd', { 'data-of': name }, '–'))
  const list = h('dl', figures.map((value) => h('div', h('dt', t(value.dataset.of)), value)))
  const anew = h('input', { type: 'checkbox', onchange: changed })
  const bad = h('p.why', { role: 'status', hidden: true })
  const leaveOut = button('link', '', () => (fill(draft.rows.filter((_, at) => !faults.has(at))), submit.focus()))
  const words = h('p.why', { role: 'alert', hidden: true })
  const submit = h('button.go')
  deck.value = draft.deckId
  anew.checked = draft.regenerate
  leaveOut.hidden = true

  main.append(h('form.make', { novalidate: true, onsubmit: send },
    h('div', h('h1', t('makeTitle')), h('div', field(t('deck'), deck), deckWhy),
      h('div', h('div.above', h('p.note', t('drop'), ' ', file, h('label.link', { for: 'file' }, t('file'))), clear), note, table.element)),
    h('aside', h('div.offer', list, words, submit), h('label', anew, ' ', t('anew')), h('div', bad, leaveOut))))
  catchRows(over.signal)
  for (const name of ['online', 'offline']) addEventListener(name, ask, { signal: over.signal })
  table.fill(draft.rows)
  keep()
  ask()
  return () => (over.abort(), asked.abort())

  function changed() {
    draft.key = failed = null // another wish
    keep()
    faults = faultsOf(draft.rows)
    ask()
  }

  function keep() {
    Object.assign(draft, { deckId: deck.value.trim(), rows: table.rows(), regenerate: anew.checked })
    remember('draft', draft)
    clear.hidden = !draft.rows.length
    write(submit, t(draft.rows.length ? 'go' : 'makeTitle', { n: draft.rows.length }))
  }

  function ask() {
    asked?.abort()
    const { signal } = (asked = new AbortController())
    list.classList.add('waits')
    setTimeout(() => signal.aborted || price(draft, signal).then((answer) => signal.aborted || told(answer)), 300)
  }

  function told({ faults: found, sum, problem }) {
    const n = draft.rows.length
    faults = found
    table.mark(new Map([...faults].map(([at, { cell, word }]) => [at, { cell, text: t(word), lang: langOf(word) }])))
    const values = sum && [sum.clips, sum.cached, dollars(sum.estimatedCostUsd), duration(sum.estimatedSeconds)]
    figures.forEach((value, at) => write(value, String(values?.[at] ?? '–')))
    list.classList.remove('waits')
    write(bad, n > MOST_ROWS ? t('tooMany', { n }) : faults.size ? t('bad', { n: faults.size }) : '')
    write(leaveOut, t('leaveOut', { n: faults.size }))
    leaveOut.hidden = !faults.size
    refuse(problem ?? failed)
  }

  function refuse(problem) {
    const isDeck = [403, 404].includes(problem?.status)
    write(deckWhy, isDeck ? problem.message : '')
    deck.setAttribute('aria-invalid', isDeck)
    write(words, problem && !isDeck ? problem.message : '')
  }

  function fill(rows) {
    table.fill(rows.slice(0, MOST_ROWS))
    write(note, rows.length > MOST_ROWS ? t('tooMany', { n: rows.length }) : '')
    changed()
  }

  async function readFile(chosen) {
    fill(readRows(decode(await chosen.slice(0, 5_000_000).arrayBuffer()))) // more than a job's fit in
  }

  /** What is dropped on the page, or pasted beside its fields. */
  function catchRows(signal) {
    const on = (name, act) => addEventListener(name, act, { signal })
    on('dragover', (event) => event.preventDefault())
    on('drop', (event) => {
      event.preventDefault()
      const [dropped] = event.dataTransfer.files
      if (dropped) readFile(dropped)
    })
    on('paste', ({ target, clipboardData }) => {
      const rows = target.closest?.('input, textarea') ? [] : readRows(clipboardData.getData('text/plain'))
      if (rows.length) fill(rows)
    })
  }

  async function send(event) {
    event.preventDefault()
    keep()
    if (isLacking()) return
    draft.key ??= newKey()
    remember('draft', draft) // asked again after a lost answer, or a reload, it is the same job
    submit.disabled = true
    try {
      const jobId = await generate({ deckId: draft.deckId, phrases: draft.rows.map(phraseOf), regenerate: draft.regenerate }, draft.key)
      draft.key = null
      remember('draft', draft)
      go(jobId)
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      failed = problem.errors.length ? null : problem
      if (failed) refuse(failed)
      else ask() // it tells which rows, and where
    } finally {
      submit.disabled = false
    }
  }

  function isLacking() {
    const [[at, { cell, word }] = [0, {}]] = faults
    if (!draft.deckId) write(words, t('needDeck')), deck.focus()
    else if (!draft.rows.length) write(words, t('needRows')), table.focus(0, 0)
    else if (word) table.focus(at, cell), announce(t(word))
    else return draft.rows.length > MOST_ROWS
    return true
  }
}

/** What it would cost: `{faults, sum, problem}`, where what is not known is missing. */
async function price({ deckId, rows, regenerate }, signal) {
  const faults = faultsOf(rows)
  // Twice: without those that only the API finds bad the others have a price.
  for (let round = 1; ; round++) {
    const sent = [...rows.keys()].filter((at) => !faults.has(at))
    if (!deckId || !sent.length || rows.length > MOST_ROWS || !navigator.onLine) return { faults }
    try {
      return { faults, sum: await estimate({ deckId, phrases: sent.map((at) => phraseOf(rows[at])), regenerate }, signal) }
    } catch (problem) {
      if (signal.aborted) return
      if (!(problem instanceof Problem)) throw problem
      if (!problem.errors.length || round > 1) return { faults, problem }
      for (const [at, fault] of faultsOfApi(problem.errors, sent)) faults.set(at, fault)
    }
  }
}
