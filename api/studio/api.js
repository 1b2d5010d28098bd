// The API's routes in words. Whom the API does not know is sent to the door.

import { token } from './session.js'
import { t } from './words.js'

/** An answer that is an error, as RFC 9457 has it; status 0 where there was none. */
export class Problem extends Error {
  constructor(status, { detail, errors = [] } = {}, n = 5) {
    super(t(`problem${status < 500 ? status : 503}`, { n }, detail ?? `HTTP ${status}`))
    Object.assign(this, { status, errors })
  }
}

/** The answer, once it begins. Raises Problem, or what `signal` was aborted with. */
export async function open(path, { signal, body, headers, ...options } = {}) {
  const all = { ...headers, Authorization: `Bearer ${token()}`, ...(body && { 'Content-Type': 'application/json' }) }
  const answer = await fetch(`/api/tts${path}`, { ...options, signal, cache: 'no-store', headers: all, body: body && JSON.stringify(body) }).catch(() => {
    signal?.throwIfAborted()
    throw new Problem(0)
  })
  if (answer.ok) return answer
  if (answer.status === 401) dispatchEvent(new Event('unknown-user'))
  throw new Problem(answer.status, (await answer.json().catch(() => {})) ?? {}, answer.headers.get('Retry-After') ?? 5)
}

const ask = async (path, options) => (await open(path, options)).json().catch(() => Promise.reject(new Problem(0)))
const at = (id, rest = '') => `/jobs/${encodeURIComponent(id)}${rest}`

export const estimate = (body, signal) => ask('/estimate', { method: 'POST', body, signal })
export const generate = async (body, key) => (await ask('/generate', { method: 'POST', body, headers: { 'Idempotency-Key': key } })).jobId
export const listJobs = (query, signal) => ask(`/jobs?${query}`, { signal })
export const readJob = async (id, signal) => (await ask(at(id), { signal })).job
export const cancel = (id) => ask(at(id, '/cancel'), { method: 'POST' })
export const retry = (id) => ask(at(id, '/retry'), { method: 'POST' })
export const events = (id, signal) => open(at(id, '/events'), { signal })

/** Names a wish, so that asking twice is asking once. (`randomUUID` is for https only.) */
export const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join('-')
