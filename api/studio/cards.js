// All cards of a job, what became of each, and the one that plays.

import { announce, h, icon, iconButton, label, write } from './dom.js'
import { clipLength, fileName } from './format.js'
import { langOf, t } from './words.js'

const audio = document.getElementById('audio')
const SPEEDS = [1, 0.75, 0.5]
export const player = { speed: 1, nextSpeed, play, stop, clear, now: null, onchange() {} }
export const hasEnded = (status) => !['pending', 'processing'].includes(status)

export function cardList(phrases, remake) {
  const cards = new Map(phrases.map((phrase) => [phrase.cardId, cardOf(phrase, () => remake(phrase))]))
  const element = h('ol.cards', { 'aria-label': t('cards'), onkeydown: keys }, [...cards.values()].map((card) => card.element))
  return { element, state, detail, card: (id) => cards.get(id) }

  function state(entries, status) {
    for (const [id, card] of cards) card.know({ entry: entries.get(id), status })
  }

  function detail(clips) {
    for (let at = 0; at < clips.length; at += 2) cards.get(clips[at].cardId)?.know({ clips: clips.slice(at, at + 2) })
  }
}

function keys(event) {
  const { key, target } = event
  const row = target.closest('li')
  const at = buttonsOf(row).indexOf(target)
  const beside = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[key]
  if (event.ctrlKey || event.metaKey || event.altKey || !(beside || key === 's')) return
  event.preventDefault()
  if (beside) buttonsOf(beside)[at].focus()
  else player.nextSpeed(), announce(`${t('speed')} ${player.speed}`)
}

const buttonsOf = (row) => [...row.querySelectorAll('button')]

function cardOf({ cardId: id, textEn, textFr }, remake) {
  const sides = [sideOf('en', textEn), sideOf('fr', textFr)]
  const downs = sides.map((side) => iconButton('down', side.name, () => side.url && save(side, id)))
  const again = iconButton('again', '', () => isFree() && remake())
  const words = h('p.why', { role: 'alert', hidden: true })
  const element = h('li', h('span.id', id), sides.map((side) => side.element), h('span.acts', downs, again), words)
  const known = { entry: null, clips: [], status: 'pending', remaking: false }
  let shown
  sides.forEach((side, at) => label(downs[at], t('down', { what: t(side.name), id })))
  label(again, t('remake', { id }))
  know({})
  return { element, know, say: (text) => write(words, text) }

  /** What is not new is not touched. */
  function know(news) {
    Object.assign(known, news)
    const now = JSON.stringify(known)
    if (now === shown) return
    shown = now
    sides.forEach((side, at) => {
      const clip = known.clips[at]
      const url = known.entry?.[at ? 'audioUrlFr' : 'audioUrlEn']
      const is = conditionOf(side, url, clip)
      side.show(is, url, is === 'failed' ? (clip?.error ?? known.entry.error) : is === 'ready' ? lengthOf(clip) : is)
      downs[at].setAttribute('aria-disabled', !url)
    })
    again.setAttribute('aria-disabled', !isFree())
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

const lengthOf = (clip) => (clip?.status === 'done' ? [clip.durationMs && clipLength(clip.durationMs), t(clip.cached ? 'isCached' : 'isMade')].filter(Boolean).join(' · ') : '')

/** One side of a card: a text that plays. */
function sideOf(name, text) {
  const fact = h('span.fact')
  const symbol = icon('play')
  const element = h(`button.side ${name}`, { type: 'button', onclick: toggle }, symbol, h('span.text', { lang: name }, text), fact)
  const side = { name, text, element, show, playing, failed: () => show('failed', null, 'unplayable') }
  return side

  function show(is, url, word) {
    side.url = url
    element.dataset.is = is
    write(fact, t(word))
    fact.lang = is === 'failed' ? langOf(word) : ''
    element.setAttribute('aria-disabled', !url)
    element.setAttribute('aria-label', `${t(name)}: ${url ? t('play', { text }) : text}. ${fact.textContent}`)
    if (!url && player.now === side) player.stop()
  }

  function toggle() {
    if (player.now === side) player.stop()
    else if (side.url) player.play(side)
  }

  function playing(is) {
    element.classList.toggle('plays', is)
    symbol.firstChild.setAttribute('href', is ? '#stop' : '#play')
  }
}

/** Under a readable name; where the page may not read it, it opens beside, and the browser names it. */
async function save({ url, name, text }, cardId) {
  const blob = await fetch(url).then((answer) => answer.blob(), () => null)
  if (!blob) return void open(url, '_blank', 'noopener')
  const href = URL.createObjectURL(blob)
  h('a', { href, download: fileName(cardId, name, text) }).click()
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
}

/** The pitch stays. */
function nextSpeed() {
  player.speed = audio.defaultPlaybackRate = audio.playbackRate = SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % SPEEDS.length]
  player.onchange()
}

async function play(side) {
  stop()
  player.now = side
  side.playing(true)
  audio.src = side.url
  await audio.play().catch(() => player.now === side && (stop(), side.failed()))
}

function stop() {
  audio.pause()
  player.now?.playing(false)
  player.now = null
}

function clear() {
  player.onchange = () => {}
  stop()
}

audio.addEventListener('ended', stop)
