"""What is written short, as data: key, then every way to say it. Its own letters are always a way too, and not listed."""

from shared.clips import Side
from worker.spoken.tables import Table, table

# A dot in a key must stand in the text; without one it may.
SHORT: dict[Side, Table] = {
    "en": table("""
        Mr : mister
        Mrs : missus | misses | missis
        Ms : miz | miss
        Dr : doctor | drive
        St : saint | street
        Prof : professor
        Jr : junior
        Sr : senior
        Capt. : captain
        Gen. : general
        Sgt. : sergeant
        Rev. : reverend
        Ave. : avenue
        Rd. : road
        Blvd. : boulevard
        Mt. : mount
        vs : versus
        etc : et cetera | and so on
        e.g. : for example | for instance
        eg. : for example | for instance
        i.e. : that is | that is to say
        approx. : approximately
        esp. : especially
        dept. : department
        max. : maximum
        min. : minimum | minutes | minute
        sb : somebody | someone
        sth : something
        smth : something
        sb's : somebody's | someone's
        w/ : with
        w/o : without
        p.s. : post scriptum
        Co. : company
        Inc. : incorporated
        Ltd. : limited
        Jan. : january
        Feb. : february
        Mar. : march
        Apr. : april
        Aug. : august
        Sept. : september
        Sep. : september
        Oct. : october
        Nov. : november
        Dec. : december
        Mon. : monday
        Tue. : tuesday
        Tues. : tuesday
        Wed. : wednesday
        Thu. : thursday
        Thurs. : thursday
        Fri. : friday
        Sat. : saturday
        adj. : adjective
        adv. : adverb
        prep. : preposition
        pl. : plural
        fem. : feminine
        masc. : masculine
        (pl) : plural |
        (sing) : singular |
        (f) : feminine |
        (m) : masculine |
        (n) : noun |
        (v) : verb |
        (adj) : adjective |
        (adv) : adverb |
        (f.) : feminine |
        (m.) : masculine |
        (n.) : noun |
        (v.) : verb |
        (inf) : informal | infinitive |
        'n' : n | and
        B.C. : before christ
        A.D. : anno domini
        """),
    "fr": table("""
        M. : monsieur
        MM. : messieurs
        Mr : monsieur
        Mme : madame
        Mmes : mesdames
        Mlle : mademoiselle
        Mlles : mesdemoiselles
        Dr : docteur
        Pr : professeur
        St : saint
        Ste : sainte
        etc : et cetera | et caetera
        p. ex. : par exemple
        par ex. : par exemple
        c.-à-d. : c'est-à-dire
        càd : c'est-à-dire
        J.-C. : jésus-christ
        av. : avant | avenue
        apr. : après
        bd : boulevard
        Bd : boulevard
        bld. : boulevard
        qqn : quelqu'un
        qn : quelqu'un
        qqch : quelque chose
        qch : quelque chose
        qc : quelque chose
        svp : s'il vous plaît
        s.v.p. : s'il vous plaît
        SVP : s'il vous plaît
        stp : s'il te plaît
        s.t.p. : s'il te plaît
        rdv : rendez-vous
        RDV : rendez-vous
        tél. : téléphone
        Tél. : téléphone
        env. : environ
        max. : maximum
        min. : minimum | minutes | minute
        vs : versus
        Cie : compagnie
        janv. : janvier
        févr. : février
        juil. : juillet
        sept. : septembre
        oct. : octobre
        nov. : novembre
        déc. : décembre
        lun. : lundi
        ven. : vendredi
        sam. : samedi
        dim. : dimanche
        adj. : adjectif
        adv. : adverbe
        prép. : préposition
        inv. : invariable
        pl. : pluriel
        sing. : singulier
        fém. : féminin
        masc. : masculin
        fam. : familier
        n. m. : nom masculin
        n.m. : nom masculin
        n. f. : nom féminin
        n.f. : nom féminin
        (pl) : pluriel |
        (sing) : singulier |
        (f) : féminin |
        (m) : masculin |
        (n) : nom |
        (v) : verbe |
        (f.) : féminin |
        (m.) : masculin |
        (n.) : nom |
        (v.) : verbe |
        (adj) : adjectif |
        (adv) : adverbe |
        (fam) : familier |
        """),
}
