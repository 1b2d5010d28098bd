// All cards of a job, what became of each, and the keys that walk between them.

import { announce, h, iconButton, label, write } from './dom.js'
import { player, SPEEDS } from './player.js'
import { cardSide } from './side.js'
import { t } from './words.js'

const STEPS = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling', ArrowRight: 1, ArrowLeft: -1 }
export const hasEnded = (status) => !['pending', 'processing'].includes(status)

/** `remake` is called with the phrase of a card. */
export function cardGrid(phrases, remake) {
  const cards = new Map(phrases.map((phrase) => [phrase.cardId, cardOf(phrase, () => remake(phrase))]))
  const element = h('div.cards', { role: 'grid', 'aria-label': t('cards'), onkeydown: keys, onfocusin: rove }, [...cards.values()].map((card) => card.element))
  buttonsOf(element.firstChild)[0].tabIndex = 0
  return { element, state, detail, card: (id) => cards.get(id), playable: () => [...cards.values()].flatMap((card) => card.sides.filter((side) => side.url)) }

  /** How the job stands: entries of `resultUrls` by card. */
  function state(entries, status) {
    for (const [id, card] of cards) card.know({ entry: entries.get(id), status })
  }

  function detail(clips) {
    for (let at = 0; at < clips.length; at += 2) cards.get(clips[at].cardId)?.know({ clips: clips.slice(at, at + 2) })
  }

  /** One stop for Tab: the button that had the focus last. */
  function rove({ target }) {
    element.querySelector('[tabindex="0"]').tabIndex = -1
    target.tabIndex = 0
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const step = STEPS[event.key]
    if (step) walk(event.target, step)
    else if (event.key === 'r') player.replay()
    else if (event.key === 's') player.setSpeed(SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % 3]), announce(`${t('speed')} ${player.speed}`)
    else return
    event.preventDefault()
  }
}

function walk(from, step) {
  const row = from.closest('[role=row]')
  const at = buttonsOf(row).indexOf(from)
  if (typeof step === 'number') buttonsOf(row)[at + step]?.focus()
  else if (row[step]) buttonsOf(row[step])[at].focus()
}

const buttonsOf = (row) => [...row.querySelectorAll('button')]

function cardOf({ cardId: id, textEn, textFr }, remake) {
  const sides = [cardSide('en', textEn), cardSide('fr', textFr)]
  const downs = sides.map((side) => iconButton('down', side.name, () => side.url && side.save(id)))
  const again = iconButton('again', '', () => isFree() && remake())
  const words = h('p.why', { role: 'alert', hidden: true })
  const element = h('div.card', { role: 'row' }, h('div.id', { role: 'rowheader' }, id), sides.map((side) => side.element), h('div.acts', { role: 'gridcell' }, downs, again), h('div.words', { role: 'gridcell' }, words))
  const known = { entry: null, clips: [], status: 'pending', remaking: false }
  let shown = ''
  sides.forEach((side, at) => label(downs[at], t('down', { what: t(side.name), id })))
  label(again, t('remake', { id }))
  for (const act of [...downs, again]) act.tabIndex = -1
  know({})
  return { element, sides, know, say: (text) => write(words, text) }

  /** What is new; where nothing is, nothing is touched. */
  function know(news) {
    Object.assign(known, news)
    const now = JSON.stringify(known)
    if (now === shown) return
    shown = now
    sides.forEach((side, at) => {
      const clip = known.clips[at]
      const url = known.entry?.[at ? 'audioUrlFr' : 'audioUrlEn']
      const is = conditionOf(side, url, clip)
      side.show(is, { url, clip, error: is === 'failed' ? (clip?.error ?? known.entry.error) : undefined })
      downs[at].setAttribute('aria-disabled', String(!url))
    })
    again.setAttribute('aria-disabled', String(!isFree()))
  }

  function isFree() {
    return hasEnded(known.status) && !known.remaking
  }

  function conditionOf(side, url, clip) {
    if (known.remaking) return 'remaking'
    if (url) return 'ready'
    if (clip?.status === 'skipped' || !side.text.trim()) return 'silent'
    if (known.entry?.error) return 'failed'
    return hasEnded(known.status) ? 'missing' : 'waiting'
  }
}
