// The page: who is here, which view the address means, and in which language.

import { button, h, write } from './dom.js'
import * as door from './door.js'
import * as jobs from './jobs.js'
import * as make from './make.js'
import { readRows } from './rows.js'
import { forget, keepToken, remember, takeLink, token, userOf } from './session.js'
import * as watch from './watch.js'
import { language, setLanguage, t } from './words.js'

const [main, nav, skip, user, other, leave, offline] = ['main', 'nav', 'skip', 'user', 'language', 'leave', 'offline'].map((id) => document.getElementById(id))
const views = {
  make: () => make.show(main, (jobId) => (location.hash = `watch/${jobId}`)),
  watch: (rest) => watch.show(main, rest),
  jobs: (rest) => jobs.show(main, rest)
}
let leaveView
let isRefused = false

other.onclick = () => (setLanguage(other.lang), show())
leave.onclick = () => (forget(), history.replaceState(null, '', location.pathname), show())
addEventListener('hashchange', () => arrive(true))
addEventListener('unknown-user', () => isRefused || ((isRefused = true), show()))
for (const name of ['online', 'offline']) addEventListener(name, showNetwork)
arrive()

/** A link lets its user in at once, unless somebody else is here: nobody shall work under another's name unasked. */
async function arrive(isMove) {
  const link = takeLink()
  const there = link && userOf(link.token)
  if (link && token() && !(there && there === userOf(token()))) askWhose(link)
  else if (link) await enter(link)
  show(isMove)
}

function askWhose(link) {
  document.querySelector('dialog')?.close()
  const [here, there] = [token(), link.token].map((text) => userOf(text) ?? '?')
  const go = async () => (dialog.close(), await enter(link), show(true))
  const dialog = h('dialog', { 'aria-labelledby': 'whose', onclose: () => dialog.remove() },
    h('h2', { id: 'whose' }, t('whose', { there })), h('p', t('whoseText', { here })),
    h('p.acts', button('go', t('stay', { here }), () => dialog.close()), button('soft', t('change', { there }), go)))
  document.body.append(dialog)
  dialog.showModal()
}

/** With what a link brings: a deck, and the example's phrases. */
async function enter({ token, deck, example }) {
  forget()
  keepToken(token)
  isRefused = false
  if (!deck) return
  const rows = example && (await fetch('/studio/example.tsv').then((answer) => answer.text(), () => ''))
  remember('draft', { deckId: deck, rows: readRows(rows || '') })
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
  write(user, (view && userOf(token())) || '')
  ;[other.lang, other.textContent] = language() === 'fr' ? ['en', 'English'] : ['fr', 'Français']
  showNetwork()
}

function showNetwork() {
  write(offline, navigator.onLine ? '' : t('offline'))
}
