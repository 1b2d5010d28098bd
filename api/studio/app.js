// The page: who is here, which view the address means, and in which language.

import { forget, remember, takeLink, token } from './session.js'
// Before all else: the token leaves the address bar.
let link = takeLink()

import * as door from './door.js'
import { write } from './dom.js'
import * as jobs from './jobs.js'
import * as make from './make.js'
import { readRows } from './rows.js'
import * as watch from './watch.js'
import { language, setLanguage, t } from './words.js'

const [main, nav, skip, other, leave, offline] = ['main', 'nav', 'skip', 'language', 'leave', 'offline'].map((id) => document.getElementById(id))
const views = {
  make: () => make.show(main, (jobId) => (location.hash = `watch/${jobId}`)),
  watch: (rest) => watch.show(main, rest),
  jobs: (rest) => jobs.show(main, rest)
}
let leaveView
let isRefused = false

other.onclick = () => (setLanguage(other.lang), show())
leave.onclick = () => (forget(), history.replaceState(null, '', location.pathname), show())
addEventListener('hashchange', () => ((link ??= takeLink()), begin(true)))
addEventListener('unknown-user', () => isRefused || ((isRefused = true), show()))
for (const name of ['online', 'offline']) addEventListener(name, showNetwork)
begin()

/** With what a link brings: a deck, and the example's phrases. */
async function begin(isMove) {
  if (link?.deck) {
    const example = link.example && (await fetch('/studio/example.tsv').then((answer) => answer.text(), () => ''))
    remember('draft', { deckId: link.deck, rows: readRows(example || '') })
  }
  if (link) isRefused = false
  link = null
  show(isMove)
}

/** The view that the address means. Where the person has moved there, the focus goes along. */
function show(isMove) {
  const [, name, rest] = /^#?(\w*)[/?]?(.*)$/.exec(location.hash)
  const view = Object.hasOwn(views, name) ? name : 'make'
  const isKnown = token() && !isRefused
  leaveView?.()
  main.replaceChildren()
  frame(isKnown && view)
  leaveView = isKnown ? views[view](rest) : door.show(main, () => ((isRefused = false), show(true)))
  if (isMove) main.focus()
}

function frame(view) {
  document.documentElement.lang = language()
  document.title = view ? `${t(view)} · Studio` : 'Studio'
  nav.hidden = leave.hidden = !view
  nav.setAttribute('aria-label', t('views'))
  for (const link of nav.children) {
    const name = link.hash.slice(1)
    write(link, t(name))
    link.setAttribute('aria-current', name === view ? 'page' : 'false')
  }
  write(skip, t('skip'))
  write(leave, t('leave'))
  ;[other.lang, other.textContent] = language() === 'fr' ? ['en', 'English'] : ['fr', 'Français']
  showNetwork()
}

function showNetwork() {
  write(offline, navigator.onLine ? '' : t('offline'))
}
