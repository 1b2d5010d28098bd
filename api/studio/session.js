// What this tab remembers, and forgets when it is closed.

const store = sessionStorage

export const token = () => store.getItem('token')
/** Only what a header can carry: copying brings line breaks along. */
export const keepToken = (text) => store.setItem('token', text.replace(/[^\x21-\x7e]/g, ''))
export const forget = () => store.clear()

/** Whose token it says it is: for people to read, the API alone can tell. */
export function userOf(text) {
  try {
    const claims = atob(text.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))
    return JSON.parse(decodeURIComponent(escape(claims))).sub // its bytes are UTF-8
  } catch {}
}

/** What a link brings: `#token=…&deck=…&example=1`. It leaves the address bar at once. */
export function takeLink() {
  const { token, ...link } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
  if (token) history.replaceState(null, '', location.pathname)
  return token && { token, ...link }
}

export const recall = (name) => JSON.parse(store.getItem(name))

export function remember(name, value) {
  try {
    store.setItem(name, JSON.stringify(value))
  } catch {
    store.removeItem(name) // too large: a reload loses it, and nothing else
  }
}
