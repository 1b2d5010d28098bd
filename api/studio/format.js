// Money, time and file names as people read them.

import { language, t } from './words.js'

const number = (value, options) => value.toLocaleString(language(), options)
const unit = (value, name, digits = 0) => number(value, { style: 'unit', unit: name, unitDisplay: digits ? 'narrow' : 'short', minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Dollars: cents, and smaller parts of small amounts. */
export const dollars = (usd) => number(usd, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', maximumFractionDigits: usd && usd < 1 ? 4 : 2 })
export const duration = (seconds) => (seconds < 90 ? unit(Math.ceil(seconds), 'second') : seconds < 5400 ? unit(seconds / 60, 'minute') : unit(seconds / 3600, 'hour'))
export const clipLength = (ms) => unit(ms / 1000, 'second', 1)

export function age(timestamp) {
  const seconds = (Date.now() - Date.parse(timestamp)) / 1000
  const [size, name] = seconds < 2700 ? [60, 'minute'] : seconds < 79_200 ? [3600, 'hour'] : [86_400, 'day']
  return seconds < 45 ? t('now') : new Intl.RelativeTimeFormat(language(), { style: 'short' }).format(-Math.round(seconds / size), name)
}

/** A name that says what the file says, without anything that a system forbids, hides or turns around. */
export function fileName(cardId, side, text) {
  const words = text.normalize('NFC').replace(/[\p{C}\p{Z}<>:"/\\|?*]+/gu, ' ').trim()
  return `${cardId} ${side} ${[...words].slice(0, 60).join('')}`.replace(/[ .]+$/, '') + '.mp3'
}
