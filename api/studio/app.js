// The page: who is here, in which view and which language.

import { listJobs } from './api.js'
import { button, field, h, lost, write } from './dom.js'
import * as jobs from './jobs.js'
import * as make from './make.js'
import { readRows } from './rows.js'
import { forget, keepToken, remember, takeLink, token, userOf } from './session.js'
import * as watch from './watch.js'
import { language, setLanguage, t } from './words.js'

const [main, nav, user, other, leave] = ['main', 'nav', 'user', 'language', 'leave'].map((id) => document.getElementById(id))
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
for (const name of ['online', 'offline']) addEventListener(name, () => lost(!navigator.onLine))
arrive()

/** A link lets its user in at once, unless somebody else is here: nobody shall work under another's name unasked. */
async function arrive(isMove) {
  const link = takeLink()
  const [here, there] = [token(), link?.token].map(userOf)
  if (link && token() && (here !== there || !here)) askWhose(link, here ?? '?', there ?? '?')
  else if (link) await enter(link)
  show(isMove)
}

function askWhose(link, here, there) {
  document.querySelector('dialog')?.remove()
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
  const rows = example && (await fetch('/studio/example.tsv').then((answer) => answer.text(), () => ''))
  if (deck) remember('draft', { deckId: deck, rows: readRows(rows || '') })
}

/** The view that the address means. Where the person has moved there, the focus goes along. */
function show(isMove) {
  const [, name, rest] = /^#?(\w*)[/?]?(.*)$/.exec(location.hash)
  const view = Object.hasOwn(views, name) ? name : 'make'
  const isKnown = token() && !isRefused
  leaveView?.()
  main.replaceChildren()
  frame(isKnown && view)
  leaveView = isKnown ? views[view](rest) : door()
  if (isMove) main.focus()
}

/** The view of those whom the API does not know yet. */
function door() {
  const input = h('input', { id: 'token', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'door-why' })
  const words = h('p.why', { id: 'door-why', role: 'alert', hidden: true })
  main.append(h('form.door', { onsubmit: knock }, h('h1', t('doorTitle')), h('p.note', t('doorText')), field(t('token'), input), words, h('button.go', t('enter'))))
  if (token()) write(words, t('problem401'))
  input.focus()

  async function knock(event) {
    event.preventDefault()
    keepToken(input.value.replace(/^\s*bearer\s+/i, ''))
    await listJobs('limit=1').then(() => ((isRefused = false), show(true)), (problem) => write(words, problem.message))
  }
}

function frame(view) {
  document.documentElement.lang = language()
  document.title = view ? `${t(view)} · Studio` : 'Studio'
  nav.hidden = leave.hidden = user.hidden = !view
  for (const link of nav.children) {
    const name = link.hash.slice(1)
    write(link, t(name))
    link.setAttribute('aria-current', name === view ? 'page' : 'false')
  }
  write(leave, t('leave'))
  write(user, userOf(token()) ?? '')
  ;[other.lang, other.textContent] = language() === 'fr' ? ['en', 'English'] : ['fr', 'Français']
  lost(!navigator.onLine)
}
