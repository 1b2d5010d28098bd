// Every word of the page, English beside French, `one|other` by n; what the API says in English has its line too.

const WORDS = {
  __proto__: null,
  make: ['Make', 'Créer'],
  watch: ['Watch', 'Suivre'],
  jobs: ['Jobs', 'Générations'],
  leave: ['Sign out', 'Se déconnecter'],
  whose: ['This link is for {there}', 'Ce lien est pour {there}'],
  whoseText: ['You are here as {here}. What you make will belong to the user you choose.', 'Vous êtes ici en tant que {here}. Ce que vous créez appartiendra au compte choisi.'],
  stay: ['Stay {here}', 'Rester {here}'],
  change: ['Go on as {there}', 'Continuer en tant que {there}'],
  lost: ['The connection is lost. All goes on when it is back.', 'Connexion perdue. Tout reprendra dès son retour.'],
  loading: ['Loading…', 'Chargement…'],
  doorTitle: ['A deck learns to speak.', 'Un paquet apprend à parler.'],
  doorText: ['Your token lets you in. It stays in this tab, and goes with it.', 'Votre jeton vous ouvre la porte. Il reste dans cet onglet et disparaît avec lui.'],
  token: ['Token', 'Jeton'],
  enter: ['Enter', 'Entrer'],
  makeTitle: ['Make a deck speak', 'Faire parler un paquet'],
  deck: ['Deck', 'Paquet'],
  drop: ['Paste phrases here, drop a CSV or TSV file, or', 'Collez des phrases, déposez un fichier CSV ou TSV, ou'],
  file: ['choose one', 'choisissez-en un'],
  clear: ['Clear', 'Vider'],
  card: ['Card', 'Carte'],
  en: ['English', 'Anglais'],
  fr: ['French', 'Français'],
  cell: ['{what}, row {n}', '{what}, ligne {n}'],
  rowColumns: ['More than three columns: put texts with commas in quotes.', 'Plus de trois colonnes : mettez entre guillemets les textes à virgules.'],
  rowNoCard: ['The card’s id is missing.', 'Il manque l’identifiant de la carte.'],
  rowBadCard: ['Only letters, digits, dots, hyphens and underscores, 128 at most, and no dot first.', 'Seulement lettres, chiffres, points, tirets et tirets bas, 128 au plus, sans point au début.'],
  rowTwice: ['This card is in an earlier row already.', 'Cette carte figure déjà plus haut.'],
  rowBlank: ['There is nothing to say: both texts are blank.', 'Rien à dire : les deux textes sont vides.'],
  rowLong: ['This text has more than 4,096 characters.', 'Ce texte dépasse 4 096 caractères.'],
  'the deck has no such card': ['The deck has no such card.', 'Le paquet n’a pas cette carte.'],
  'superseded by a later job': ['A later job made this card.', 'Une génération plus récente a fait cette carte.'],
  bad: ['{n} row cannot be taken yet. The price is without it.|{n} rows cannot be taken yet. The price is without them.', '{n} ligne ne convient pas encore. Le prix n’en tient pas compte.|{n} lignes ne conviennent pas encore. Le prix n’en tient pas compte.'],
  leaveOut: ['Leave it out|Leave them out', 'La retirer|Les retirer'],
  tooMany: ['{n} rows: a job takes 200, the first of them are here.', '{n} lignes : 200 au plus à la fois, voici les premières.'],
  anew: ['Make all of it anew, also what exists', 'Tout refaire, même ce qui existe'],
  clips: ['Clips', 'Clips'],
  cached: ['Ready already', 'Déjà prêts'],
  price: ['Price', 'Prix'],
  time: ['Time', 'Durée'],
  go: ['Make {n} card speak|Make {n} cards speak', 'Faire parler {n} carte|Faire parler {n} cartes'],
  needDeck: ['Which deck?', 'Quel paquet ?'],
  needRows: ['Add at least one phrase.', 'Ajoutez au moins une phrase.'],
  pending: ['Waiting', 'En attente'],
  processing: ['Speaking', 'En cours'],
  completed: ['Complete', 'Terminée'],
  failed: ['Failed', 'Échec'],
  cancelled: ['Cancelled', 'Annulée'],
  speak: ['{n} of {total} card speaks|{n} of {total} cards speak', '{n} carte sur {total} parle|{n} cartes sur {total} parlent'],
  left: ['{time} left', 'encore {time}'],
  cancel: ['Cancel', 'Annuler'],
  retry: ['Make what is missing', 'Créer ce qui manque'],
  speed: ['Speed', 'Vitesse'],
  keys: ['Arrows move, Enter plays, S changes the speed.', 'Flèches : se déplacer. Entrée : écouter. S : vitesse.'],
  cards: ['Cards', 'Cartes'],
  play: ['Play {text}', 'Écouter {text}'],
  waiting: ['to come', 'à venir'],
  silent: ['no text', 'sans texte'],
  missing: ['not made', 'non créé'],
  remaking: ['being made anew', 'en train d’être refait'],
  isMade: ['made', 'créé'],
  isCached: ['from the cache', 'du cache'],
  unplayable: ['The audio cannot be played.', 'L’audio ne peut pas être lu.'],
  down: ['Download {what}, card {id}', 'Télécharger {what}, carte {id}'],
  remake: ['Make card {id} anew', 'Refaire la carte {id}'],
  remade: ['Card {id} is made anew.', 'La carte {id} est refaite.'],
  status: ['Status', 'État'],
  any: ['All', 'Toutes'],
  cost: ['Cost', 'Coût'],
  age: ['Age', 'Âge'],
  none: ['There are no such jobs.', 'Aucune génération de ce genre.'],
  newest: ['Newest', 'Plus récentes'],
  older: ['Older', 'Plus anciennes'],
  now: ['just now', 'à l’instant'],
  problem0: ['No answer. Is the network there?', 'Pas de réponse. Le réseau est-il là ?'],
  problem401: ['This token is not accepted: it is wrong, or its time is over.', 'Ce jeton n’est pas accepté : il est faux ou périmé.'],
  problem403: ['This deck belongs to somebody else.', 'Ce paquet appartient à quelqu’un d’autre.'],
  problem404: ['There is none with this id.', 'Rien n’a cet identifiant.'],
  problem409: ['The job has just changed: this is not possible any more.', 'L’état vient de changer : ce n’est plus possible.'],
  problem429: ['That is much at once. Try again in {n} s.', 'C’est beaucoup à la fois. Réessayez dans {n} s.'],
  problem503: ['The service is away. Try again in {n} s.', 'Le service est absent. Réessayez dans {n} s.']
}

const LANGUAGES = ['en', 'fr']
const wanted = [localStorage.getItem('language'), ...navigator.languages].map((tag) => LANGUAGES.indexOf(tag?.slice(0, 2)))
let at = Math.max(0, wanted.find((found) => found >= 0) ?? 0)

export const language = () => LANGUAGES[at]
export const setLanguage = (name) => localStorage.setItem('language', LANGUAGES[(at = LANGUAGES.indexOf(name))])

/** A text with its values filled in; what is not known is said as it is, and that is English. */
export function t(key, values = {}, otherwise = key) {
  const forms = WORDS[key]?.[at].split('|')
  const text = forms?.[(at ? values.n < 2 : values.n === 1) ? 0 : forms.length - 1] ?? otherwise
  return forms ? text.replace(/ (?=[:;?!])|(?<=[\d}]) (?=\d|Mo|s\b)/g, '\u00a0').replace(/\{(\w+)\}/g, (_, name) => values[name].toLocaleString(language())) : text
}

export const langOf = (key) => (key in WORDS ? '' : 'en')
