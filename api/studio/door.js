// The view of those whom the API does not know yet.

import { listJobs } from './api.js'
import { field, h, write } from './dom.js'
import { keepToken, token } from './session.js'
import { t } from './words.js'

/** Shows it; `enter` is called once a token is good. */
export function show(main, enter) {
  const input = h('input', { id: 'token', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'door-why' })
  const words = h('p.why', { id: 'door-why', role: 'alert', hidden: true })
  main.append(h('form.door', { onsubmit: knock }, h('h1', t('doorTitle')), h('p.note', t('doorText')), field(t('token'), input), words, h('button.go', t('enter'))))
  if (token()) write(words, t('problem401'))
  input.focus()

  async function knock(event) {
    event.preventDefault()
    keepToken(input.value.replace(/^\s*bearer\s+/i, ''))
    await listJobs('limit=1').then(enter, (problem) => write(words, problem.message))
  }
}
