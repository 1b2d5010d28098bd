// What a page has around the snippets of docs/integrate.md, for Node: its own server's addresses, and a user.

const { API_URL, TOKEN, DECK_ID, PHRASES } = process.env;
const fetchFrom = globalThis.fetch;
globalThis.fetch = (path, options) => fetchFrom(new URL(path as string, API_URL), options);

// ---- docs/integrate.md ----

__SNIPPET__

// ---- the page ----

const playable: string[] = [];
const jobId = await createJob(DECK_ID!, JSON.parse(PHRASES!), async () => TOKEN!);
await watchJob(jobId, async () => TOKEN!, {
  snapshot: (job) => console.log('snapshot', job.id),
  progress: (news) => playable.push(...news.cards.map((card) => card.cardId)),
  end: (job) => console.log('end', job.status, job.resultUrls.length, [...playable].sort().join(' ')),
});
