// Every word of the page, English beside French. `one|other` is told apart by n; what the API says in English has its line too.

const WORDS = {
  __proto__: null,
  skip: ['Skip to the content', 'Aller au contenu'],
  views: ['Views', 'Vues'],
  make: ['Make', 'Créer'],
  watch: ['Watch', 'Suivre'],
  jobs: ['Jobs', 'Travaux'],
  leave: ['Forget token', 'Oublier le jeton'],
  offline: ['You are offline. All goes on when the network is back.', 'Vous êtes hors ligne. Tout reprendra avec le réseau.'],
  lost: ['The connection is lost. Trying again…', 'Connexion perdue. Nouvel essai…'],
  loading: ['Loading…', 'Chargement…'],
  doorTitle: ['A deck learns to speak.', 'Un paquet apprend à parler.'],
  doorText: ['Your token lets you in. It stays in this tab, and goes with it.', 'Votre jeton ouvre la porte. Il reste dans cet onglet et disparaît avec lui.'],
  token: ['Token', 'Jeton'],
  enter: ['Enter', 'Entrer'],
  makeTitle: ['Make a deck speak', 'Faire parler un paquet'],
  deck: ['Deck', 'Paquet'],
  deckHint: ['the deck’s id', 'l’identifiant du paquet'],
  drop: ['Paste phrases here, drop a CSV or TSV file, or', 'Collez des phrases, déposez un fichier CSV ou TSV, ou'],
  file: ['choose one', 'choisissez-en un'],
  clear: ['Clear', 'Vider'],
  filled: ['{n} row is in the table.|{n} rows are in the table.', '{n} ligne dans le tableau.|{n} lignes dans le tableau.'],
  cutOff: ['There are {n} rows. A job takes 200: these are the first.', 'Il y a {n} lignes. Un travail en prend 200 : voici les premières.'],
  tooLarge: ['The file is too large: 5 MB is the most.', 'Le fichier est trop gros : 5 Mo au plus.'],
  phrases: ['Phrases', 'Phrases'],
  card: ['Card', 'Carte'],
  en: ['English', 'Anglais'],
  fr: ['French', 'Français'],
  cell: ['{what}, row {n}', '{what}, ligne {n}'],
  remove: ['Remove row {n}', 'Retirer la ligne {n}'],
  rowColumns: ['More than three columns: put texts with commas in quotes.', 'Plus de trois colonnes : mettez entre guillemets les textes à virgules.'],
  rowNoCard: ['The card’s id is missing.', 'L’identifiant de la carte manque.'],
  rowBadCard: ['A card’s id has up to 128 letters, digits, dots, hyphens and underscores, and no dot first.', 'Un identifiant a au plus 128 lettres, chiffres, points, tirets et tirets bas, et ne commence pas par un point.'],
  rowTwice: ['This card is in an earlier row already.', 'Cette carte figure déjà plus haut.'],
  rowBlank: ['There is nothing to say: both texts are blank.', 'Rien à dire : les deux textes sont vides.'],
  rowLong: ['This text has more than 4,096 characters.', 'Ce texte dépasse 4 096 caractères.'],
  'the deck has no such card': ['The deck has no such card.', 'Le paquet n’a pas cette carte.'],
  bad: ['{n} row cannot be taken yet.|{n} rows cannot be taken yet.', '{n} ligne ne va pas encore.|{n} lignes ne vont pas encore.'],
  leaveOut: ['Leave it out|Leave them out', 'La retirer|Les retirer'],
  tooMany: ['{n} rows: a job takes 200 at most.', '{n} lignes : un travail en prend 200 au plus.'],
  anew: ['Make all of it anew, also what exists', 'Tout refaire, même ce qui existe'],
  estimate: ['Estimate', 'Estimation'],
  clips: ['Clips', 'Clips'],
  cached: ['Ready already', 'Déjà prêts'],
  price: ['Price', 'Prix'],
  time: ['Time', 'Durée'],
  good: ['For the {n} row that is right.|For the {n} rows that are right.', 'Pour la ligne correcte.|Pour les {n} lignes correctes.'],
  go: ['Make {n} card speak|Make {n} cards speak', 'Faire parler {n} carte|Faire parler {n} cartes'],
  needDeck: ['Which deck?', 'Quel paquet ?'],
  needRows: ['Add at least one phrase.', 'Ajoutez au moins une phrase.'],
  pending: ['Waiting', 'En attente'],
  processing: ['Speaking', 'En cours'],
  completed: ['Complete', 'Terminé'],
  failed: ['Failed', 'Échoué'],
  cancelled: ['Cancelled', 'Annulé'],
  noneYet: ['No job has been opened yet.', 'Aucun travail n’a encore été ouvert.'],
  speak: ['{n} of {total} card speaks|{n} of {total} cards speak', '{n} carte sur {total} parle|{n} cartes sur {total} parlent'],
  left: ['{time} left', 'encore {time}'],
  made: ['{n} made', '{n} créé|{n} créés'],
  fromCache: ['{n} from the cache', '{n} du cache'],
  cancel: ['Cancel', 'Annuler'],
  retry: ['Make what is missing', 'Créer ce qui manque'],
  speed: ['Speed', 'Vitesse'],
  all: ['Play all', 'Tout écouter'],
  stop: ['Stop', 'Arrêter'],
  keys: ['Arrows move, Enter plays, R replays, S changes the speed.', 'Flèches : se déplacer. Entrée : écouter. R : réécouter. S : vitesse.'],
  cards: ['Cards', 'Cartes'],
  job: ['Job {id}', 'Travail {id}'],
  play: ['Play {text}', 'Écouter {text}'],
  isWaiting: ['to come', 'à venir'],
  isSilent: ['no text', 'sans texte'],
  isMissing: ['not made', 'non créé'],
  isRemaking: ['being made anew', 'en cours de reprise'],
  isMade: ['made', 'créé'],
  isCached: ['from the cache', 'du cache'],
  unplayable: ['The audio cannot be played.', 'L’audio ne peut pas être lu.'],
  down: ['Download {what}, card {id}', 'Télécharger : {what}, carte {id}'],
  remake: ['Make card {id} anew', 'Refaire la carte {id}'],
  remade: ['Card {id} is made anew.', 'La carte {id} est refaite.'],
  status: ['Status', 'État'],
  any: ['All', 'Tous'],
  allDecks: ['all decks', 'tous les paquets'],
  cost: ['Cost', 'Coût'],
  age: ['Age', 'Âge'],
  none: ['There are no such jobs.', 'Il n’y a aucun travail de ce genre.'],
  newer: ['Newer', 'Plus récents'],
  older: ['Older', 'Plus anciens'],
  page: ['Page {n}', 'Page {n}'],
  now: ['just now', 'à l’instant'],
  problem0: ['No answer. Is the network there?', 'Pas de réponse. Le réseau est-il là ?'],
  problem401: ['This token is not accepted: it is wrong, or its time is over.', 'Ce jeton n’est pas accepté : il est faux, ou périmé.'],
  problem403: ['This deck belongs to somebody else.', 'Ce paquet appartient à quelqu’un d’autre.'],
  problem404: ['There is none with this id.', 'Rien ne porte cet identifiant.'],
  problem409: ['The job has just changed: this is not possible any more.', 'Le travail vient de changer : ce n’est plus possible.'],
  problem413: ['These phrases are too large for one job.', 'Ces phrases sont trop grandes pour un travail.'],
  problem429: ['You have as many jobs under way as you may. Try again in {n} s.', 'Vous avez le maximum de travaux en cours. Réessayez dans {n} s.'],
  problem503: ['The service is away. Try again in {n} s.', 'Le service est absent. Réessayez dans {n} s.']
}

const LANGUAGES = ['en', 'fr']
const wanted = [localStorage.getItem('language'), ...navigator.languages].map((tag) => LANGUAGES.indexOf(tag?.slice(0, 2)))
let at = Math.max(0, wanted.find((found) => found >= 0) ?? 0)

/** `en` or `fr`: what the page speaks now. */
export const language = () => LANGUAGES[at]
export const setLanguage = (name) => localStorage.setItem('language', LANGUAGES[(at = LANGUAGES.indexOf(name))])

export const knows = (key) => key in WORDS

/** A text with its values filled in, or `otherwise` where there is none. */
export function t(key, values = {}, otherwise = key) {
  const forms = WORDS[key]?.[at].split('|')
  if (!forms) return otherwise
  const text = forms[(at ? values.n < 2 : values.n === 1) ? 0 : forms.length - 1]
  return text.replace(/ ([:;?!»])/g, '\u00a0$1').replace(/\{(\w+)\}/g, (_, name) => values[name].toLocaleString(language()))
}
