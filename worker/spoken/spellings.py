"""One spelling for words that are written in several ways and sound the same. What sounds different stays different."""

import re
import unicodedata
from functools import lru_cache

from shared.clips import Side

# British to American, as stems and endings: "colour", "colourful"; "realise", "realisation". Not "-our" at large: "hour", "four".
_OUR = "arm behavi cand clam col endeav fav ferv flav glam harb hon hum lab neighb od parl ranc rig rum savi sav splend tum val vap vig"
_ISE = (
    "agon apolog author capital categor central character civil colon commercial critic crystal custom digit dramat econom emphas equal"
    " fantas fertil final general global harmon hospital hypnot ideal immun individual industrial initial jeopard legal local maxim"
    " memor minim mobil modern neutral normal optim organ patron personal popular priorit privat public random real recogn revolution"
    " sanit scrutin social special stabil standard steril subsid summar symbol sympath synchron terror theor traumat util vandal victim"
    " visual western familiar rational national material fossil hybrid legitim materialis monopol moral mesmer modul"
)
_DOUBLE_L = (
    "travel cancel model label level signal fuel counsel quarrel marvel dial duel equal initial jewel total pedal rival shovel"
    " tunnel"
)
_ENGLISH_RULES = [
    (re.compile(rf"^((?:re|dis|un|mis|multi)?(?:{'|'.join(_OUR.split())}))our"), r"\1or"),
    (re.compile(rf"^((?:re|dis|un|de|dis|over)?(?:{'|'.join(_ISE.split())}))is(?=e|ing|ation|able)"), r"\1iz"),
    (re.compile(r"^((?:an|par|cat|dial)al|electrol)ys(?=e[drs]?$|ing$)"), r"\1yz"),
    (re.compile(rf"^({'|'.join(_DOUBLE_L.split())})l(?=ed$|ing$|er|ation|ery$|ous$)"), r"\1"),
    (re.compile(r"^(.*(?:met|lit|cent|theat|fib|calib|spect|sab|meag|maneuv|lust))re(?=s?$)"), r"\1er"),
]
_ENGLISH_PAIRS = """okay ok, okey ok, alright allright, grey gray, greys grays, tyre tire, tyres tires,
    cheque check, cheques checks, defence defense,
    offence offense, licence license, pretence pretense, practise practice, practised practiced, practising practicing,
    programme program, programmes programs, catalogue catalog, dialogue dialog, analogue analog, judgement judgment,
    acknowledgement acknowledgment, pyjamas pajamas, plough plow, ploughs plows, sceptical skeptical, sceptic skeptic, kerb curb,
    storey story, storeys stories, mould mold, mouldy moldy, moustache mustache, sulphur sulfur, axe ax, enrol enroll, fulfil fulfill,
    instalment installment, skilful skillful, wilful willful, ageing aging, cosy cozy, draught draft, doughnut donut,
    doughnuts donuts, omelette omelet, yoghurt yogurt, whisky whiskey, czar tsar, manoeuvre maneuver, encyclopaedia encyclopedia,
    anaesthetic anesthetic, diarrhoea diarrhea, foetus fetus, oestrogen estrogen, archaeology archeology, haemoglobin hemoglobin,
    paediatrician pediatrician, orthopaedic orthopedic, leukaemia leukemia, jewellery jewelry, jewelery jewelry,
    centred centered, woollen woolen, tonne ton, tonnes tons,
    likeable likable, sizeable sizable, artefact artifact, connexion connection, gaol jail, hiccough hiccup, phoney phony,
    pernickety persnickety, disc disk, discs disks, ageism agism, movable moveable, tee t"""
_FRENCH_PAIRS = """clef clé, clefs clés, évènement événement, évènements événements, ognon oignon, ognons oignons, nénufar nénuphar,
    lys lis,
    tzar tsar, bistrot bistro, bistrots bistros, saoul soul, soûl soul, soule soule, relai relais, combattif combatif, ambigüe ambiguë,
    aigüe aiguë, charriot chariot, règlementaire réglementaire, règlementation réglementation, cèleri céleri, crémerie crèmerie,
    cèderai céderai, asséner assener, sècheresse sécheresse, allègement allégement, okay ok, vingts vingt, cents cent, tee t,
    cuiller cuillère, iéna iena, yogourt yogourt, québecois québécois, règlementer réglementer, interpeler interpeller,
    imbécilité imbécillité, demie demi, joailler joaillier, quincailler quincaillier, douçâtre douceâtre"""
# Elsewhere English accents are ornaments ("cafe", "naive"); these would become other words.
_ENGLISH_ACCENTED = frozenset("résumé résumés exposé exposés rosé pâté pâtés lamé maté saké".split())
# The reform of 1990 took the circumflex off i and u; only these sound unlike the word without. "Où" sounds like "ou".
_CIRCUMFLEX_KEPT = frozenset(("jeûne", "jeûnes", "jeûner"))
_UNMARKED_I_U = str.maketrans("îûù", "iuu")


def _pairs(table: str) -> dict[str, str]:
    return dict(pair.split() for pair in table.split(","))


_SAME: dict[Side, dict[str, str]] = {"en": _pairs(_ENGLISH_PAIRS), "fr": _pairs(_FRENCH_PAIRS)}


def letters(phrase: str, side: Side) -> str:
    """The phrase as bare letters, each word in its one spelling: what is compared. "Week-end" and "weekend" are the same."""
    words = re.findall(
        r"[^\W\d_]+", unicodedata.normalize("NFC", phrase.casefold()).replace("œ", "oe").replace("æ", "ae")
    )
    return "".join(_one_spelling(word, side) for word in words)


def without_accents(text: str) -> str:
    """The text in its plain letters: how French capitals are often written."""
    return "".join(filter(lambda character: not unicodedata.combining(character), unicodedata.normalize("NFD", text)))


@lru_cache(maxsize=20_000)
def _one_spelling(word: str, side: Side) -> str:
    return _american(word) if side == "en" else _french(word)


def _american(word: str) -> str:
    plain = word if word in _ENGLISH_ACCENTED else without_accents(word)
    for rule, spelling in _ENGLISH_RULES:
        plain = rule.sub(spelling, plain)
    return _SAME["en"].get(plain, plain)


def _french(word: str) -> str:
    """A capital at the head of a word often lacks its accent ("Ecole", "A bientôt"), and no two words differ by that alone; letters do."""
    same = _SAME["fr"].get(word, word)
    unmarked = same if same in _CIRCUMFLEX_KEPT else same.translate(_UNMARKED_I_U)
    return without_accents(unmarked[0]) + unmarked[1:] if len(word) > 1 or word == "à" else unmarked
