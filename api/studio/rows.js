// Rows of phrases, [cardId, English, French]: from text, and what is wrong with them. Pure.

const NAMES = [/^(card.?id|card|id|(id.?)?carte)$/, /^(english|(text.?)?en|anglais)$/, /^(french|(text.?)?fr|fran[cç]ais)$/]
export const MOST_ROWS = 200

/** The rows of CSV or TSV, in the order that a header row tells; blank ones left out. */
export function readRows(text) {
  const records = split(text.replace(/^\ufeff/, ''))
  const order = columnsOf(records)
  const rows = order ? records.slice(1).map((record) => [...order.map((at) => record[at] ?? ''), ...record.slice(records[0].length)]) : records
  return rows.filter((row) => !isBlank(row))
}

/** Where a header row has card, English and French; false without one. */
function columnsOf([header]) {
  const order = NAMES.map((known) => header.findIndex((cell) => known.test(cell.toLowerCase())))
  return order[0] >= 0 && order.some((at, of) => of && at >= 0) && order
}

/** Spreadsheets write UTF-8, UTF-16 or windows-1252, and seldom say which. */
export function decode(bytes) {
  const name = new Uint8Array(bytes.slice(0, 2)).join() === '255,254' ? 'utf-16le' : 'utf-8'
  try {
    return new TextDecoder(name, { fatal: true }).decode(bytes, { stream: true }) // it may be cut off
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** By the mark that shows a header, or most rows of three. */
function split(text) {
  const fit = (records) => (columnsOf(records) ? Infinity : records.filter((record) => record.length === 3).length)
  return text.includes('\t') ? parse(text, '\t') : [parse(text, ';'), parse(text, ',')].sort((a, b) => fit(b) - fit(a))[0]
}

/** RFC 4180; a quote inside a cell is a quote. */
function parse(text, mark) {
  const records = [[]]
  const cells = new RegExp(`(?:"((?:[^"]|"")*)"(?=[${mark}\\r\\n]|$)|([^${mark}\\r\\n]*))(${mark}|\\r\\n?|\\n|$)`, 'gy')
  for (const [, quoted, plain, end] of text.matchAll(cells)) {
    records.at(-1).push((quoted?.replaceAll('""', '"') ?? plain).trim())
    if (!end) break
    if (end !== mark) records.push([])
  }
  return records
}

export const isBlank = (row) => !row.some((cell) => cell.trim())
export const phraseOf = ([cardId, textEn, textFr]) => ({ cardId: cardId.trim(), textEn, textFr })

/** The faults that a page can see, by row. The API sees more, and judges again. */
export function faultsOf(rows) {
  const seen = new Set()
  return new Map(rows.map((row, at) => [at, faultOf(row, seen), seen.add(row[0].trim())]).filter(([, fault]) => fault))
}

function faultOf([card, english, french, ...more], seen) {
  const id = card.trim()
  const long = [english, french].findIndex((text) => text.length > 4096 && [...text].length > 4096)
  if (!isBlank(more)) return { cell: 2, word: 'rowColumns' }
  if (!id) return { cell: 0, word: 'rowNoCard' }
  if (!/^[\w-][\w.-]{0,127}$/.test(id)) return { cell: 0, word: 'rowBadCard' }
  if (seen.has(id)) return { cell: 0, word: 'rowTwice' }
  if (isBlank([english, french])) return { cell: 1, word: 'rowBlank' }
  return long >= 0 && { cell: long + 1, word: 'rowLong' }
}

/** The API's own; an error's index counts the rows that were `sent`. */
export const faultsOfApi = (errors, sent) =>
  new Map(errors.map(({ index, message }) => [sent[index], { cell: { textEn: 1, textFr: 2 }[message.slice(0, 6)] ?? 0, word: message }]))
