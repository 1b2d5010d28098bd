// One side of a card: a text that fills with sound, and plays.

import { h, icon, write } from './dom.js'
import { clipLength, fileName } from './format.js'
import { player } from './player.js'
import { draw, whenSeen } from './wave.js'
import { t } from './words.js'

export function cardSide(name, text) {
  const fact = h('span.fact')
  const wave = h('svg.wave', { 'aria-hidden': 'true' })
  const symbol = icon('play')
  const button = h('button.side', { type: 'button', tabindex: -1, onclick: toggle }, symbol, h('span.text', { lang: name }, text), h('span.sound', wave, fact))
  const element = h(`div.voice ${name}`, { role: 'gridcell' }, button)
  const side = { name, text, element, url: null, show, renew, playing, played, save, failed: () => show('failed', { error: t('unplayable') }) }
  return side

  /** What it is (ready, waiting, remaking, silent, missing, failed), with its address, its error, or the clip as the API has it. */
  function show(is, { url = null, error, clip }) {
    const isNew = url && url !== side.url
    side.url = url
    element.dataset.is = is
    write(fact, error ?? (is === 'ready' ? known(clip) : t(`is${is[0].toUpperCase()}${is.slice(1)}`)))
    button.setAttribute('aria-disabled', String(!url))
    button.setAttribute('aria-label', `${t(name)}: ${url ? t('play', { text }) : text}. ${fact.textContent}`)
    if (isNew) whenSeen(element, renew)
    if (!url && player.now === side) player.stop()
  }

  /** Other audio is, or may be, at the same address. */
  function renew() {
    if (side.url) draw(wave, side.url)
  }

  function toggle() {
    if (player.now === side) player.stop()
    else if (side.url) player.play(side)
  }

  function playing(is) {
    element.classList.toggle('plays', is)
    symbol.firstChild.setAttribute('href', is ? '#stop' : '#play')
    played(is ? 0 : 1)
  }

  function played(part) {
    element.style.setProperty('--played', part)
  }

  /** As a file under a readable name; where the page may not read it, it opens beside, and the browser names it. */
  async function save(cardId) {
    const blob = await fetch(side.url).then((answer) => answer.blob(), () => null)
    if (!blob) return void open(side.url, '_blank', 'noopener')
    const href = URL.createObjectURL(blob)
    h('a', { href, download: fileName(cardId, name, text) }).click()
    setTimeout(() => URL.revokeObjectURL(href), 60_000)
  }
}

const known = (clip) => (clip?.status === 'done' ? [clip.durationMs && clipLength(clip.durationMs), t(clip.cached ? 'isCached' : 'isMade')].filter(Boolean).join(' · ') : '')
