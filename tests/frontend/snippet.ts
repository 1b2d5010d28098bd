// Memolist's frontend, for Node: what a page has around the snippet, then the snippet, to the letter of the brief.
// Its types are stripped by Node itself.

type Phrase = { textEn: string; textFr: string; cardId: string };

const { API_URL, TOKEN: token, DECK_ID: deckId } = process.env;
const phrases: Phrase[] = JSON.parse(process.env.PHRASES!);

// A page's relative addresses are its own server's.
const fetchFrom = globalThis.fetch;
globalThis.fetch = (path, options) => fetchFrom(new URL(path as string, API_URL), options);

// ---- the brief, "Exemple d'intégration frontend" ----

// 1. Créer un job
const createTtsJob = async (deckId: string, phrases: Phrase[]) => {
  const response = await fetch('/api/tts/generate', {
    method: 'POST',
    headers: {
      'Authorization': `Bearer ${token}`,
      'Content-Type': 'application/json'
    },
    body: JSON.stringify({ deckId, phrases })
  });

  const { jobId } = await response.json();
  return jobId;
};

// 2. Poller le statut
const pollJobStatus = async (jobId: string) => {
  const interval = setInterval(async () => {
    const response = await fetch(`/api/tts/status/${jobId}`, {
      headers: { 'Authorization': `Bearer ${token}` }
    });

    const { job } = await response.json();

    if (job.status === 'completed') {
      clearInterval(interval);
      console.log('TTS généré!', job.resultUrls);
      // Mettre à jour l'UI avec les URLs audio
    } else if (job.status === 'failed') {
      clearInterval(interval);
      console.error('Échec:', job.errorMessage);
    } else {
      console.log(`Progression: ${job.processedCount}/${job.totalPhrases}`);
    }
  }, 2000); // Vérifier toutes les 2 secondes
};

// Utilisation
const jobId = await createTtsJob(deckId, phrases);
await pollJobStatus(jobId);
