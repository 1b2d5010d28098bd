// What this tab remembers, and forgets when it is closed: the token, the table that is filled in, cards that are remade.

const store = sessionStorage

export const token = () => store.getItem('token')
/** Only what a header can carry: copying brings line breaks along. */
export const keepToken = (text) => store.setItem('token', text.replace(/[^\x21-\x7e]/g, ''))
export const forget = () => store.clear()

/** What a link brings: `#token=…&deck=…&example=1`. It leaves the address bar and the tab's history at once; in the
 * browser's list of visited pages the link stays, as long as the browser keeps it. */
export function takeLink() {
  const brought = new URLSearchParams(location.hash.slice(1))
  if (!brought.get('token')) return null
  history.replaceState(null, '', location.pathname)
  forget()
  keepToken(brought.get('token'))
  return { deck: brought.get('deck'), example: brought.has('example') }
}

export const recall = (name, first) => JSON.parse(store.getItem(name)) ?? first

export function remember(name, value) {
  try {
    store.setItem(name, JSON.stringify(value))
  } catch {
    store.removeItem(name) // too large: a reload loses it, and nothing else
  }
}
