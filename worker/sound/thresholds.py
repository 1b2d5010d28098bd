"""Every limit that audio is judged by. Tried on the clips of `tests/unit/test_audio_corpus.py`: none of them is a false alarm.

A false alarm buys the clip again and then loses it, and a miss is a card that says half its words: where the two meet, the
limits lean towards the first, because the next engine's voice may be half as fast or pause twice as long as any we heard.
"""

# --- What counts as sound ---
# 1 % of full scale, -40 dB: speech peaks some ten times higher, an encoder's hiss stays some ten times lower.
SOUND_PEAK = 328
WINDOW_MS = 20

# --- Too short: half a sentence sounds fine to everything but the learner ---
# Speech takes some 70 ms a letter. In a single word most of them may be silent: 32 ms in "hauts".
SHORTEST_LETTER_MS = 15
# After this many letters the silent ones and the others level out: the fastest are "les eaux hautes" with 37 ms a letter,
# and longer French sentences with 51. Some voices are a third faster than espeak-ng.
WORD_LETTERS = 6
SHORTEST_FURTHER_LETTER_MS = 30
# Silence does not stand in for words: from this length on a pause is no part of the speech.
COUNTED_PAUSE_MS = 300

# --- Too long: a voice that repeats itself or makes things up ---
# A voice for beginners takes some 100 to 150 ms a letter.
LONGEST_LETTER_MS = 200
# Digits, capitals, symbols, emoji and signs of other scripts can each be a word or three: "777", "WWW", "@", "日".
LONGEST_NAME_MS = 1_500
# A pause, or "dot".
LONGEST_MARK_MS = 800
# A breath, a "hm", and words that are written short: "etc", "km".
LONGEST_EXTRA_MS = 3_000

# --- Silence where words should be ---
# Servers put some 100 to 500 ms before the words. A learner who taps a card and hears nothing for longer taps again.
LONGEST_LEAD_MS = 1_500
# Servers pad the end by up to a second or two, and nobody waits for it.
LONGEST_TAIL_MS = 3_000
# Between two words: a slow voice for beginners pauses up to half a second, and none holds its breath this long.
LONGEST_PAUSE_MS = 1_200
# A comma or full stop adds some 300 to 800 ms, an ellipsis, a blank ("I ___ you") or a new line more, up to a limit.
PAUSE_PER_MARK_MS = 800
LONGEST_MARKED_PAUSE_MS = 4_000

# --- Too much to look at: found out before it is decoded into memory ---
# The longest text, 4,096 characters, takes five minutes at normal speed: 14 MB as 24 kHz WAV, 28 MB as 48 kHz.
LARGEST_BODY_BYTES = 32 * 1024 * 1024
# And twenty at a quarter of that speed.
LONGEST_CLIP_MS = 30 * 60_000
# Telephony to studio. A header that says anything else is wrong.
LOWEST_SAMPLE_RATE, HIGHEST_SAMPLE_RATE = 8_000, 48_000
