// The shape of a clip's sound: fetched and decoded when it is first seen, a few at a time.

import { h } from './dom.js'

const AT_ONCE = 3
const STEP = 4
const callbacks = new WeakMap()
const waiting = []
let busy = 0

const watcher = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) if (isIntersecting) watcher.unobserve(target), callbacks.get(target)()
}, { rootMargin: '200px' })

/** Calls back once the element is, or soon will be, on the screen. */
export function whenSeen(element, callback) {
  callbacks.set(element, callback)
  watcher.unobserve(element)
  watcher.observe(element)
}

/** Draws the sound at an address. Where the page may not read it, it is a line. */
export function draw(wave, url) {
  waiting.push([wave, url])
  work()
}

async function work() {
  if (!navigator.onLine) return addEventListener('online', work, { once: true })
  if (busy >= AT_ONCE || !waiting.length) return
  busy++
  const [wave, url] = waiting.shift()
  if (wave.isConnected) put(wave, await peaksOf(url).catch(() => []))
  busy--
  work()
}

async function peaksOf(url) {
  const answer = await fetch(url)
  if (!answer.ok) return []
  const sound = await new OfflineAudioContext(1, 1, 22_050).decodeAudioData(await answer.arrayBuffer())
  const samples = sound.getChannelData(0)
  const bars = Math.min(72, Math.max(6, Math.round(sound.duration * 16)))
  const size = Math.floor(samples.length / bars)
  const loud = Array.from({ length: bars }, (_, bar) => Math.hypot(...samples.subarray(bar * size, (bar + 1) * size)))
  return loud.map((value) => value / Math.max(...loud, 0.001))
}

function put(wave, peaks) {
  const bar = (peak, at) => `M${at * STEP + 2} ${(11 - peak * 10).toFixed(1)}v${(2 + peak * 20).toFixed(1)}`
  const width = Math.max(peaks.length, 12) * STEP
  const d = peaks.map(bar).join('') || `M2 12H${width - 2}`
  wave.setAttribute('viewBox', `0 0 ${width} 24`)
  wave.style.width = `${width}px`
  wave.replaceChildren(h('path.base', { d }), h('path.done', { d }))
}
