// The table of phrases: cells to type in, rows that come and go, and the reason on each bad one.

import { h, write } from './dom.js'
import { isBlank, MOST_ROWS, readRows } from './rows.js'
import { t } from './words.js'

const CELLS = ['card', 'en', 'fr']

/** `onchange` follows the typing; `onmany` takes what is pasted and too much. */
export function phraseTable(onchange, onmany) {
  const list = h('ol.phrases', { oninput: typed, onkeydown: enter, onpaste: paste, onfocusout: left })
  return { element: list, fill, mark, focus, rows: () => filled().map(valuesOf) }

  function fill(rows) {
    list.replaceChildren(...rows.map(rowOf))
    tidy()
  }

  /** Puts a fault (`{cell, text, lang}`) on each row that has one; the index is that of `rows()`. */
  function mark(faults) {
    for (const row of list.children) blame(row)
    filled().forEach((row, at) => blame(row, faults.get(at)))
  }

  function focus(at, cell) {
    cellsOf(filled()[at] ?? list.lastElementChild)[cell].focus()
  }

  function filled() {
    return [...list.children].filter((row) => !isBlank(valuesOf(row)))
  }

  function rowOf(values) {
    const cells = CELLS.map((name, at) => h(`textarea.${name}`, { rows: 1, placeholder: t(name), spellcheck: String(at > 0), lang: at ? name : null }))
    const row = h('li', cells, h('p.why', { hidden: true }))
    cells.forEach((cell, at) => (cell.value = values[at] ?? ''))
    row.extra = values.slice(3)
    return row
  }

  /** A row in work is not told yet what it lacks. */
  function typed({ target }) {
    const row = target.closest('li')
    row.extra = []
    row.classList.add('typing')
    if (row === list.lastElementChild) tidy()
    onchange()
  }

  function left({ target, relatedTarget }) {
    const row = target.closest('li')
    if (!row.contains(relatedTarget)) row.classList.remove('typing')
  }

  function tidy() {
    if (!list.lastElementChild || !isBlank(valuesOf(list.lastElementChild))) list.append(rowOf([]))
    ;[...list.children].forEach((row, at) => {
      row.querySelector('.why').id = `why-${at + 1}`
      cellsOf(row).forEach((cell, of) => cell.setAttribute('aria-label', t('cell', { what: t(CELLS[of]), n: at + 1 })))
    })
  }

  /** Enter goes down a column; Shift+Enter is a line break. */
  function enter(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    const row = event.target.closest('li')
    cellsOf(row.nextElementSibling ?? row)[cellsOf(row).indexOf(event.target)].focus()
  }

  /** A table spreads from the cell that it is pasted into; a text is just a text. */
  function paste(event) {
    const text = event.clipboardData.getData('text/plain')
    const row = event.target.closest('li')
    const at = cellsOf(row).indexOf(event.target)
    const rows = readRows(text)
    const isWide = rows.some((cells) => cells.length > 2)
    if (!/[\t\n]/.test(text.trim()) && !(at === 0 && isWide && isBlank(valuesOf(row)))) return
    event.preventDefault()
    if (rows.length > MOST_ROWS) return onmany(rows)
    spread(rows, [...list.children].indexOf(row), isWide ? 0 : at)
    onchange()
  }

  function spread(rows, from, column) {
    rows.forEach((cells, down) => {
      const row = list.children[from + down] ?? list.appendChild(rowOf([]))
      cells.slice(0, 3 - column).forEach((text, right) => (cellsOf(row)[column + right].value = text))
      row.extra = cells.slice(3 - column)
    })
    tidy()
    focus(-1, 0)
  }
}

function blame(row, fault) {
  const why = row.querySelector('.why')
  write(why, fault?.text ?? '')
  why.lang = fault?.lang ?? ''
  cellsOf(row).forEach((cell, at) => {
    cell.setAttribute('aria-invalid', fault?.cell === at)
    cell.setAttribute('aria-describedby', fault?.cell === at ? why.id : '')
  })
}

const cellsOf = (row) => [...row.querySelectorAll('textarea')]
const valuesOf = (row) => [...cellsOf(row).map((cell) => cell.value), ...row.extra]
