// The table of phrases: cells to type in, rows that come and go, and the reason on each bad one.

import { h, iconButton, label, write } from './dom.js'
import { isBlank, MOST_ROWS, readRows } from './rows.js'
import { t } from './words.js'

const CELLS = ['card', 'en', 'fr']

/** The table's element, and what can be done with it. `onchange` follows the typing; `onmany` takes what is pasted and too much. */
export function phraseTable(onchange, onmany) {
  const list = h('ol', { oninput: changed, onkeydown: move, onpaste: paste, onfocusout: () => setTimeout(explain) })
  const titles = CELLS.map((name) => h('span', t(name)))
  return { element: h('div.phrases', h('div.rowlike titles', { 'aria-hidden': 'true' }, titles), list), fill, mark, focus, rows: () => filled().map(valuesOf) }

  function fill(rows) {
    list.replaceChildren(...rows.map(rowOf))
    tidy()
  }

  /** Puts a fault (`{cell, text, lang}`) on each row that has one; the index is that of `rows()`. */
  function mark(faults) {
    for (const row of list.children) row.fault = null
    filled().forEach((row, at) => (row.fault = faults.get(at)))
    explain()
  }

  /** To a cell of a row, or to the end of the table. */
  function focus(at, cell) {
    cellsOf(filled()[at] ?? list.lastElementChild)[cell].focus()
  }

  function filled() {
    return [...list.children].filter((row) => !isBlank(valuesOf(row)))
  }

  function rowOf(values) {
    const cells = CELLS.map((name, at) => h(`textarea.${name}`, { rows: 1, placeholder: t(name), spellcheck: String(at > 0), lang: at ? name : null, autocapitalize: at ? 'sentences' : 'off' }))
    const row = h('li.rowlike', cells, iconButton('cross', '', () => remove(row)), h('p.why', { hidden: true }))
    cells.forEach((cell, at) => (cell.value = values[at] ?? ''))
    row.extra = values.slice(3)
    return row
  }

  function changed({ target }) {
    const row = target.closest('li')
    row.extra = []
    row.fault = null
    if (row === list.lastElementChild) tidy()
    onchange()
  }

  function remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling
    row.remove()
    tidy()
    cellsOf(next ?? list.lastElementChild)[0].focus()
    onchange()
  }

  /** An empty row at the end, and a name for every cell. */
  function tidy() {
    if (!list.lastElementChild || !isBlank(valuesOf(list.lastElementChild))) list.append(rowOf([]))
    ;[...list.children].forEach((row, at) => {
      const n = at + 1
      row.querySelector('.why').id = `why-${n}`
      cellsOf(row).forEach((cell, of) => cell.setAttribute('aria-label', t('cell', { what: t(CELLS[of]), n })))
      label(row.querySelector('button'), t('remove', { n }))
    })
  }

  /** A row in work is not told what it lacks. */
  function explain() {
    for (const row of list.children) {
      const fault = row.contains(document.activeElement) ? null : row.fault
      const why = row.querySelector('.why')
      write(why, fault?.text ?? '')
      why.lang = fault?.lang ?? ''
      cellsOf(row).forEach((cell, at) => {
        cell.setAttribute('aria-invalid', String(fault?.cell === at))
        cell.setAttribute('aria-describedby', fault?.cell === at ? why.id : '')
      })
    }
  }

  /** Enter and the arrows go down and up a column; Shift+Enter is a line break. */
  function move(event) {
    const { key, target, shiftKey, isComposing } = event
    const isThere = key === 'Enter' || (key === 'ArrowUp' ? target.selectionEnd === 0 : target.selectionStart === target.value?.length)
    const step = { Enter: 'nextElementSibling', ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[key]
    if (!step || !isThere || shiftKey || isComposing || !target.matches('textarea')) return
    event.preventDefault()
    const row = target.closest('li')
    if (row[step]) cellsOf(row[step])[cellsOf(row).indexOf(target)].focus()
  }

  /** A table spreads from the cell that it is pasted into, as in a spreadsheet; a text is just a text. */
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

const cellsOf = (row) => [...row.querySelectorAll('textarea')]
const valuesOf = (row) => [...cellsOf(row).map((cell) => cell.value), ...row.extra]
