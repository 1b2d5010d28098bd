"""English contractions, as data. French elisions have no longer form: "j'ai" is not "je ai", and "t'es" sounds unlike "tu es"."""

from worker.spoken.tables import Table

# Contractions that keep their sound only as written out here; the shorter row of letters is always a way.
PRONOUNS_WITH_IS = frozenset(
    "it he she that this what who where when how why there here everyone everybody everything someone somebody something"
    " nobody nothing".split()
)
# "Where'd you go?": where did.
QUESTION_WORDS = frozenset("how where why when who what".split())
ENDINGS: Table = {
    "'m": ("m", "am"),
    "'re": ("'re", "are"),
    "'ve": ("ve", "have"),
    "'ll": ("'ll", "will"),
    "'d": ("'d", "had", "would"),
    "n't": ("nt", "not"),
}
# Written so that their ending can be taken off. "Wont" and "cant" are other words, and do not match.
IRREGULAR = {"can't": "cann't", "won't": "willn't", "shan't": "shalln't"}
SCALES = frozenset("hundred hundreds thousand thousands million millions billion billions".split())
