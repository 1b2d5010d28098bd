// Elements, made of names, attributes and text: there is no way in here for HTML.

import { t } from './words.js'

/** `h('p.note', {id: 'x', onclick}, 'text', child, …)`. True and false are there or not, other attributes are text. */
export function h(names, attributes, ...children) {
  if (attributes?.constructor !== Object) return h(names, {}, attributes, ...children)
  const [name, kind] = names.split('.')
  const element = ['svg', 'use'].includes(name) ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name)
  if (kind) element.setAttribute('class', kind)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value)
    else if (value !== false && value != null) element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.flat(2).filter((child) => child != null && child !== false))
  return element
}

export const icon = (name) => h('svg.icon', { 'aria-hidden': 'true' }, h('use', { href: `#${name}` }))
export const button = (kind, text, onclick) => h(`button.${kind}`, { type: 'button', onclick }, text)
export const iconButton = (name, kind, onclick) => button(`round ${kind}`, icon(name), onclick)
export const field = (label, input) => h('div.field', h('label', { for: input.id }, label), input)

export const label = (element, text) => (element.setAttribute('aria-label', text), (element.title = text))

/** Writes a text where it is another, and hides what has none: screen readers are left in peace. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text
  if (element.matches('.why, .note, .banner')) element.hidden = !text
}

/** Whether the service can be reached. */
export const lost = (is) => write(document.getElementById('lost'), is ? t('lost') : '')

/** Says something to those who listen to the page. */
export const announce = (text) => write(document.getElementById('live'), text)
