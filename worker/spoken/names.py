"""Months, letters, and what is numbered in Roman numerals, as data."""

from shared.clips import Side
from worker.spoken.tables import Table, table

# After these, a capital I, V or X alone is a number.
NUMBERED: dict[Side, frozenset[str]] = {
    "en": frozenset(
        "war part chapter act scene volume book phase type class level section unit elizabeth charles henry george james william"
        " louis francis napoleon edward richard".split()
    ),
    "fr": frozenset(
        "guerre partie chapitre acte scène volume tome livre phase type classe niveau section unité".split()
    ),
}
MONTHS: dict[Side, tuple[str, ...]] = {
    "en": tuple("january february march april may june july august september october november december".split()),
    "fr": tuple("janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()),
}
# How a letter's name is spelled, where it is not just the letter.
LETTERS: dict[Side, Table] = {
    "en": table("""
        A : ay
        B : bee
        C : cee | see
        D : dee
        G : gee
        H : aitch | haitch
        J : jay
        K : kay
        P : pee
        Q : cue | queue
        R : ar
        T : tee
        U : you
        V : vee
        W : double u | double you
        X : ex
        Y : why | wye
        Z : zee | zed
        """),
    "fr": table("""
        B : bé
        C : cé
        D : dé
        F : effe
        G : gé
        H : ache | hache
        J : ji
        K : ka
        P : pé
        Q : cu | ku
        T : té | tee
        V : vé
        W : double v | double vé
        X : ixe
        Y : i grec
        Z : zède
        """),
}
